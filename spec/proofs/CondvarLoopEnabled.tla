-------------------------- MODULE CondvarLoopEnabled -------------------------
(***************************************************************************)
(* Who can go on. A thread that holds the mutex can take its next step,    *)
(* and so can the loop if it neither waits nor needs the mutex while       *)
(* another thread holds it. That is what weak fairness asks for before it  *)
(* promises a step.                                                        *)
(*                                                                         *)
(* The argument is the same for every step: it can be taken alone, and     *)
(* where one of several can be taken, one of them can.                     *)
(***************************************************************************)
EXTENDS TLAPS, CondvarLoopOnePage, CondvarLoopRefinement

(* Where the loop's own thread never asks the loop to stop, and never finds
   the flag set, it is at neither of these labels. *)
LoopInv == pc[Loop] \notin {"stop", "notify"}

(* All that is known of any reachable state. *)
LiveInv == AllInv /\ MutualExclusion /\ WakeupInv /\ AsleepInv /\ LoopInv

(* What liveness assumes of the constants. *)
Live == Wakes /\ ~LocalStops /\ IsFiniteSet(Others)

LEMMA NextLoopInv ==
    ASSUME ~LocalStops, TypeInv, AsleepInv, LoopInv, [Next]_vars PROVE LoopInv'
<1>0. /\ pc \in [Threads -> AllLabels]
      /\ waitSet = IF pc[Loop] = "waiting" THEN {Loop} ELSE {}
      /\ pc[Loop] = "submit" => ~asleep
  BY DEF TypeInv, AsleepInv
<1> USE <1>0, ThreadFacts DEF LoopInv, Goto
<1>1. ASSUME NEW t \in Threads, Lock(t) PROVE LoopInv'
  BY <1>1 DEF Lock, FirstLook, NextLook
<1>2. ASSUME NEW t \in Threads, Enqueue(t) \/ Refuse(t) \/ Stop(t) PROVE LoopInv'
  BY <1>2 DEF Enqueue, Refuse, Stop
<1>3. ASSUME NEW t \in Threads, Notify(t) PROVE LoopInv'
  BY <1>3 DEF Notify
<1>4. ASSUME NEW t \in Threads, Unlock(t) PROVE LoopInv'
  <2>1. CASE t = Loop BY <1>4, <2>1 DEF Unlock
  <2>2. CASE t # Loop BY <1>4, <2>2 DEF Unlock
  <2> QED BY <2>1, <2>2
<1>5. CASE Sleep \/ SpuriousWakeup \/ Timeout \/ Wake \/ Take \/ Run \/ Stopped \/ Close
  BY <1>5 DEF Sleep, SpuriousWakeup, Timeout, Wake, FirstLook, Take, Run, Stopped, Close
<1>6. CASE (\E c \in Callbacks : Cancel(c)) \/ Terminating \/ UNCHANGED vars
  BY <1>6 DEF Cancel, Terminating, vars
<1> QED BY <1>1, <1>2, <1>3, <1>4, <1>5, <1>6 DEF Next

LEMMA LiveInvHolds == ASSUME Wakes, ~LocalStops PROVE Spec => []LiveInv
<1>1. TypeInv /\ MutualExclusion /\ WakeupInv /\ [Next]_vars => WakeupInv'
  BY NextWakeup
<1>2. Init => LoopInv BY ThreadFacts DEF Init, LoopInv
<1>3. TypeInv /\ AsleepInv /\ LoopInv /\ [Next]_vars => LoopInv'
  BY NextLoopInv
<1> QED
  BY AllInvHolds, InitTypeInv, NextTypeInv, InitMutex, NextMutex, InitWakeup, <1>1, InitAsleep,
     NextAsleep, <1>2, <1>3, PTL DEF Spec, Steps, LiveInv

-----------------------------------------------------------------------------
(* The steps of the loop, with every variable on its own: the provers find it
   easier to see that such a step can be taken. *)
AfterUnlock ==
    CASE pc[Loop] = "return" -> "idle"
      [] pc[Loop] = "end" -> "done"
      [] pc[Loop] = "begin" -> "run"
      [] pc[Loop] = "unlock" -> IF phase = "idle" THEN "idle" ELSE "callback"

LockToClose ==
    /\ holder = Nobody
    /\ holder' = Loop
    /\ pc[Loop] = "idle"
    /\ pc' = [pc EXCEPT ![Loop] = "close"]
    /\ UNCHANGED <<queue, asleep, stopping, closed, waitSet, submitted, batch,
                   accepted, ran, refused, cancelled, dropped, phase>>

LockToLook ==
    /\ holder = Nobody
    /\ holder' = Loop
    /\ pc[Loop] \in {"run", "callback"}
    /\ batch = <<>>
    /\ pc' = [pc EXCEPT ![Loop] = NextLook]
    /\ UNCHANGED <<queue, asleep, stopping, closed, waitSet, submitted, batch,
                   accepted, ran, refused, cancelled, dropped, phase>>

LeaveMutex ==
    /\ pc[Loop] \in {"unlock", "begin", "return", "end"}
    /\ holder' = Nobody
    /\ pc' = [pc EXCEPT ![Loop] = AfterUnlock]
    /\ UNCHANGED <<queue, asleep, stopping, closed, waitSet, submitted, batch,
                   accepted, ran, refused, cancelled, dropped, phase>>

GoToSleep ==
    /\ pc[Loop] = "sleep"
    /\ holder' = Nobody
    /\ asleep' = TRUE
    /\ waitSet' = waitSet \union {Loop}
    /\ pc' = [pc EXCEPT ![Loop] = "waiting"]
    /\ UNCHANGED <<queue, stopping, closed, submitted, batch,
                   accepted, ran, refused, cancelled, dropped, phase>>

WakeUp ==
    /\ pc[Loop] \in {"notified", "timed out"}
    /\ holder = Nobody
    /\ holder' = Loop
    /\ asleep' = FALSE
    /\ pc' = [pc EXCEPT ![Loop] = IF pc[Loop] = "timed out" THEN "take" ELSE FirstLook]
    /\ UNCHANGED <<queue, stopping, closed, waitSet, submitted, batch,
                   accepted, ran, refused, cancelled, dropped, phase>>

RunOne ==
    /\ pc[Loop] \in {"run", "callback"}
    /\ batch # <<>>
    /\ batch' = Tail(batch)
    /\ ran' = IF Head(batch) \in cancelled THEN ran ELSE Append(ran, Head(batch))
    /\ pc' = [pc EXCEPT ![Loop] = "callback"]
    /\ UNCHANGED <<holder, queue, asleep, stopping, closed, waitSet, submitted,
                   accepted, refused, cancelled, dropped, phase>>

(* Each of them is one that fairness asks for. *)
LEMMA StepsOfLoop ==
    /\ LockToClose => LoopStep
    /\ LockToLook => LoopStep
    /\ LeaveMutex => LoopStep
    /\ GoToSleep => LoopStep
    /\ WakeUp => LoopStep
    /\ RunOne => LoopStep
    /\ Enqueue(Loop) => LoopStep
    /\ Take => LoopStep
    /\ Stopped => LoopStep
    /\ Close => LoopStep
<1> USE DEF LoopStep, shared, history, Goto
<1>1. LockToClose => LoopStep BY DEF LockToClose, Lock
<1>2. LockToLook => LoopStep BY DEF LockToLook, Lock, Iterating
<1>3. LeaveMutex => LoopStep BY DEF LeaveMutex, Unlock, AfterUnlock
<1>4. GoToSleep => LoopStep BY DEF GoToSleep, Sleep
<1>5. WakeUp => LoopStep BY DEF WakeUp, Wake
<1>6. RunOne => LoopStep BY DEF RunOne, Run, Iterating
<1> QED BY <1>1, <1>2, <1>3, <1>4, <1>5, <1>6

StepLoop == <<LoopStep>>_vars

(* So where one of them can be taken, fairness demands a step. *)
RealLockToClose == <<LockToClose>>_vars
LEMMA LockToCloseCounts == (ENABLED RealLockToClose) => ENABLED StepLoop
<1> SUFFICES ASSUME ENABLED RealLockToClose PROVE ENABLED StepLoop
  OBVIOUS
<1>1. RealLockToClose \in BOOLEAN BY DEF RealLockToClose
<1>2. StepLoop \in BOOLEAN BY DEF StepLoop
<1>3. (ENABLED RealLockToClose) \/ (ENABLED StepLoop) OBVIOUS
<1>4. ENABLED (RealLockToClose \/ StepLoop) BY <1>1, <1>2, <1>3, ENABLEDaxioms
<1>5. (RealLockToClose \/ StepLoop) \in BOOLEAN BY <1>1, <1>2
<1>6. (RealLockToClose \/ StepLoop) = StepLoop BY StepsOfLoop DEF RealLockToClose, StepLoop
<1>7. (ENABLED (RealLockToClose \/ StepLoop)) <=> (ENABLED StepLoop)
  BY <1>2, <1>5, <1>6, ENABLEDaxioms
<1> QED BY <1>4, <1>7

RealLockToLook == <<LockToLook>>_vars
LEMMA LockToLookCounts == (ENABLED RealLockToLook) => ENABLED StepLoop
<1> SUFFICES ASSUME ENABLED RealLockToLook PROVE ENABLED StepLoop
  OBVIOUS
<1>1. RealLockToLook \in BOOLEAN BY DEF RealLockToLook
<1>2. StepLoop \in BOOLEAN BY DEF StepLoop
<1>3. (ENABLED RealLockToLook) \/ (ENABLED StepLoop) OBVIOUS
<1>4. ENABLED (RealLockToLook \/ StepLoop) BY <1>1, <1>2, <1>3, ENABLEDaxioms
<1>5. (RealLockToLook \/ StepLoop) \in BOOLEAN BY <1>1, <1>2
<1>6. (RealLockToLook \/ StepLoop) = StepLoop BY StepsOfLoop DEF RealLockToLook, StepLoop
<1>7. (ENABLED (RealLockToLook \/ StepLoop)) <=> (ENABLED StepLoop)
  BY <1>2, <1>5, <1>6, ENABLEDaxioms
<1> QED BY <1>4, <1>7

RealLeaveMutex == <<LeaveMutex>>_vars
LEMMA LeaveMutexCounts == (ENABLED RealLeaveMutex) => ENABLED StepLoop
<1> SUFFICES ASSUME ENABLED RealLeaveMutex PROVE ENABLED StepLoop
  OBVIOUS
<1>1. RealLeaveMutex \in BOOLEAN BY DEF RealLeaveMutex
<1>2. StepLoop \in BOOLEAN BY DEF StepLoop
<1>3. (ENABLED RealLeaveMutex) \/ (ENABLED StepLoop) OBVIOUS
<1>4. ENABLED (RealLeaveMutex \/ StepLoop) BY <1>1, <1>2, <1>3, ENABLEDaxioms
<1>5. (RealLeaveMutex \/ StepLoop) \in BOOLEAN BY <1>1, <1>2
<1>6. (RealLeaveMutex \/ StepLoop) = StepLoop BY StepsOfLoop DEF RealLeaveMutex, StepLoop
<1>7. (ENABLED (RealLeaveMutex \/ StepLoop)) <=> (ENABLED StepLoop)
  BY <1>2, <1>5, <1>6, ENABLEDaxioms
<1> QED BY <1>4, <1>7

RealGoToSleep == <<GoToSleep>>_vars
LEMMA GoToSleepCounts == (ENABLED RealGoToSleep) => ENABLED StepLoop
<1> SUFFICES ASSUME ENABLED RealGoToSleep PROVE ENABLED StepLoop
  OBVIOUS
<1>1. RealGoToSleep \in BOOLEAN BY DEF RealGoToSleep
<1>2. StepLoop \in BOOLEAN BY DEF StepLoop
<1>3. (ENABLED RealGoToSleep) \/ (ENABLED StepLoop) OBVIOUS
<1>4. ENABLED (RealGoToSleep \/ StepLoop) BY <1>1, <1>2, <1>3, ENABLEDaxioms
<1>5. (RealGoToSleep \/ StepLoop) \in BOOLEAN BY <1>1, <1>2
<1>6. (RealGoToSleep \/ StepLoop) = StepLoop BY StepsOfLoop DEF RealGoToSleep, StepLoop
<1>7. (ENABLED (RealGoToSleep \/ StepLoop)) <=> (ENABLED StepLoop)
  BY <1>2, <1>5, <1>6, ENABLEDaxioms
<1> QED BY <1>4, <1>7

RealWakeUp == <<WakeUp>>_vars
LEMMA WakeUpCounts == (ENABLED RealWakeUp) => ENABLED StepLoop
<1> SUFFICES ASSUME ENABLED RealWakeUp PROVE ENABLED StepLoop
  OBVIOUS
<1>1. RealWakeUp \in BOOLEAN BY DEF RealWakeUp
<1>2. StepLoop \in BOOLEAN BY DEF StepLoop
<1>3. (ENABLED RealWakeUp) \/ (ENABLED StepLoop) OBVIOUS
<1>4. ENABLED (RealWakeUp \/ StepLoop) BY <1>1, <1>2, <1>3, ENABLEDaxioms
<1>5. (RealWakeUp \/ StepLoop) \in BOOLEAN BY <1>1, <1>2
<1>6. (RealWakeUp \/ StepLoop) = StepLoop BY StepsOfLoop DEF RealWakeUp, StepLoop
<1>7. (ENABLED (RealWakeUp \/ StepLoop)) <=> (ENABLED StepLoop)
  BY <1>2, <1>5, <1>6, ENABLEDaxioms
<1> QED BY <1>4, <1>7

RealRunOne == <<RunOne>>_vars
LEMMA RunOneCounts == (ENABLED RealRunOne) => ENABLED StepLoop
<1> SUFFICES ASSUME ENABLED RealRunOne PROVE ENABLED StepLoop
  OBVIOUS
<1>1. RealRunOne \in BOOLEAN BY DEF RealRunOne
<1>2. StepLoop \in BOOLEAN BY DEF StepLoop
<1>3. (ENABLED RealRunOne) \/ (ENABLED StepLoop) OBVIOUS
<1>4. ENABLED (RealRunOne \/ StepLoop) BY <1>1, <1>2, <1>3, ENABLEDaxioms
<1>5. (RealRunOne \/ StepLoop) \in BOOLEAN BY <1>1, <1>2
<1>6. (RealRunOne \/ StepLoop) = StepLoop BY StepsOfLoop DEF RealRunOne, StepLoop
<1>7. (ENABLED (RealRunOne \/ StepLoop)) <=> (ENABLED StepLoop)
  BY <1>2, <1>5, <1>6, ENABLEDaxioms
<1> QED BY <1>4, <1>7

RealEnqueue == <<Enqueue(Loop)>>_vars
LEMMA EnqueueCounts == (ENABLED RealEnqueue) => ENABLED StepLoop
<1> SUFFICES ASSUME ENABLED RealEnqueue PROVE ENABLED StepLoop
  OBVIOUS
<1>1. RealEnqueue \in BOOLEAN BY DEF RealEnqueue
<1>2. StepLoop \in BOOLEAN BY DEF StepLoop
<1>3. (ENABLED RealEnqueue) \/ (ENABLED StepLoop) OBVIOUS
<1>4. ENABLED (RealEnqueue \/ StepLoop) BY <1>1, <1>2, <1>3, ENABLEDaxioms
<1>5. (RealEnqueue \/ StepLoop) \in BOOLEAN BY <1>1, <1>2
<1>6. (RealEnqueue \/ StepLoop) = StepLoop BY StepsOfLoop DEF RealEnqueue, StepLoop
<1>7. (ENABLED (RealEnqueue \/ StepLoop)) <=> (ENABLED StepLoop)
  BY <1>2, <1>5, <1>6, ENABLEDaxioms
<1> QED BY <1>4, <1>7

RealTake == <<Take>>_vars
LEMMA TakeCounts == (ENABLED RealTake) => ENABLED StepLoop
<1> SUFFICES ASSUME ENABLED RealTake PROVE ENABLED StepLoop
  OBVIOUS
<1>1. RealTake \in BOOLEAN BY DEF RealTake
<1>2. StepLoop \in BOOLEAN BY DEF StepLoop
<1>3. (ENABLED RealTake) \/ (ENABLED StepLoop) OBVIOUS
<1>4. ENABLED (RealTake \/ StepLoop) BY <1>1, <1>2, <1>3, ENABLEDaxioms
<1>5. (RealTake \/ StepLoop) \in BOOLEAN BY <1>1, <1>2
<1>6. (RealTake \/ StepLoop) = StepLoop BY StepsOfLoop DEF RealTake, StepLoop
<1>7. (ENABLED (RealTake \/ StepLoop)) <=> (ENABLED StepLoop)
  BY <1>2, <1>5, <1>6, ENABLEDaxioms
<1> QED BY <1>4, <1>7

RealStopped == <<Stopped>>_vars
LEMMA StoppedCounts == (ENABLED RealStopped) => ENABLED StepLoop
<1> SUFFICES ASSUME ENABLED RealStopped PROVE ENABLED StepLoop
  OBVIOUS
<1>1. RealStopped \in BOOLEAN BY DEF RealStopped
<1>2. StepLoop \in BOOLEAN BY DEF StepLoop
<1>3. (ENABLED RealStopped) \/ (ENABLED StepLoop) OBVIOUS
<1>4. ENABLED (RealStopped \/ StepLoop) BY <1>1, <1>2, <1>3, ENABLEDaxioms
<1>5. (RealStopped \/ StepLoop) \in BOOLEAN BY <1>1, <1>2
<1>6. (RealStopped \/ StepLoop) = StepLoop BY StepsOfLoop DEF RealStopped, StepLoop
<1>7. (ENABLED (RealStopped \/ StepLoop)) <=> (ENABLED StepLoop)
  BY <1>2, <1>5, <1>6, ENABLEDaxioms
<1> QED BY <1>4, <1>7

RealClose == <<Close>>_vars
LEMMA CloseCounts == (ENABLED RealClose) => ENABLED StepLoop
<1> SUFFICES ASSUME ENABLED RealClose PROVE ENABLED StepLoop
  OBVIOUS
<1>1. RealClose \in BOOLEAN BY DEF RealClose
<1>2. StepLoop \in BOOLEAN BY DEF StepLoop
<1>3. (ENABLED RealClose) \/ (ENABLED StepLoop) OBVIOUS
<1>4. ENABLED (RealClose \/ StepLoop) BY <1>1, <1>2, <1>3, ENABLEDaxioms
<1>5. (RealClose \/ StepLoop) \in BOOLEAN BY <1>1, <1>2
<1>6. (RealClose \/ StepLoop) = StepLoop BY StepsOfLoop DEF RealClose, StepLoop
<1>7. (ENABLED (RealClose \/ StepLoop)) <=> (ENABLED StepLoop)
  BY <1>2, <1>5, <1>6, ENABLEDaxioms
<1> QED BY <1>4, <1>7

LEMMA LockToCloseCan == LiveInv /\ holder = Nobody /\ pc[Loop] = "idle" => ENABLED RealLockToClose
<1> SUFFICES ASSUME LiveInv, holder = Nobody /\ pc[Loop] = "idle" PROVE ENABLED RealLockToClose
  OBVIOUS
<1>1. pc \in [Threads -> AllLabels] /\ Loop \in Threads
  BY ThreadFacts DEF LiveInv, AllInv, TypeInv
<1>2. [pc EXCEPT ![Loop] = "close"] # pc
  BY <1>1
<1>3. ENABLED <<LockToClose>>_vars
  BY <1>2, ExpandENABLED DEF LockToClose, vars, shared, history
<1> QED BY <1>3 DEF RealLockToClose

LEMMA LockToLookCan == LiveInv /\ holder = Nobody /\ pc[Loop] \in {"run", "callback"} /\ batch = <<>> => ENABLED RealLockToLook
<1> SUFFICES ASSUME LiveInv, holder = Nobody /\ pc[Loop] \in {"run", "callback"} /\ batch = <<>> PROVE ENABLED RealLockToLook
  OBVIOUS
<1>1. pc \in [Threads -> AllLabels] /\ Loop \in Threads
  BY ThreadFacts DEF LiveInv, AllInv, TypeInv
<1>2. [pc EXCEPT ![Loop] = NextLook] # pc
  BY <1>1 DEF NextLook, FirstLook
<1>3. ENABLED <<LockToLook>>_vars
  BY <1>2, ExpandENABLED DEF LockToLook, vars, shared, history
<1> QED BY <1>3 DEF RealLockToLook

LEMMA LeaveMutexCan == LiveInv /\ pc[Loop] \in {"unlock", "begin", "return", "end"} => ENABLED RealLeaveMutex
<1> SUFFICES ASSUME LiveInv, pc[Loop] \in {"unlock", "begin", "return", "end"} PROVE ENABLED RealLeaveMutex
  OBVIOUS
<1>1. pc \in [Threads -> AllLabels] /\ Loop \in Threads
  BY ThreadFacts DEF LiveInv, AllInv, TypeInv
<1>2. [pc EXCEPT ![Loop] = AfterUnlock] # pc
  BY <1>1 DEF AfterUnlock
<1>3. ENABLED <<LeaveMutex>>_vars
  BY <1>2, ExpandENABLED DEF LeaveMutex, vars, shared, history
<1> QED BY <1>3 DEF RealLeaveMutex

LEMMA GoToSleepCan == LiveInv /\ pc[Loop] = "sleep" => ENABLED RealGoToSleep
<1> SUFFICES ASSUME LiveInv, pc[Loop] = "sleep" PROVE ENABLED RealGoToSleep
  OBVIOUS
<1>1. pc \in [Threads -> AllLabels] /\ Loop \in Threads
  BY ThreadFacts DEF LiveInv, AllInv, TypeInv
<1>2. [pc EXCEPT ![Loop] = "waiting"] # pc
  BY <1>1
<1>3. ENABLED <<GoToSleep>>_vars
  BY <1>2, ExpandENABLED DEF GoToSleep, vars, shared, history
<1> QED BY <1>3 DEF RealGoToSleep

LEMMA WakeUpCan == LiveInv /\ holder = Nobody /\ pc[Loop] \in {"notified", "timed out"} => ENABLED RealWakeUp
<1> SUFFICES ASSUME LiveInv, holder = Nobody /\ pc[Loop] \in {"notified", "timed out"} PROVE ENABLED RealWakeUp
  OBVIOUS
<1>1. pc \in [Threads -> AllLabels] /\ Loop \in Threads
  BY ThreadFacts DEF LiveInv, AllInv, TypeInv
<1>2. [pc EXCEPT ![Loop] = IF pc[Loop] = "timed out" THEN "take" ELSE FirstLook] # pc
  BY <1>1 DEF FirstLook
<1>3. ENABLED <<WakeUp>>_vars
  BY <1>2, ExpandENABLED DEF WakeUp, vars, shared, history
<1> QED BY <1>3 DEF RealWakeUp

LEMMA RunOneCan == LiveInv /\ batch # <<>> /\ pc[Loop] \in {"run", "callback"} => ENABLED RealRunOne
<1> SUFFICES ASSUME LiveInv, batch # <<>> /\ pc[Loop] \in {"run", "callback"} PROVE ENABLED RealRunOne
  OBVIOUS
<1>1. pc \in [Threads -> AllLabels] /\ Loop \in Threads
  BY ThreadFacts DEF LiveInv, AllInv, TypeInv
<1>2. Tail(batch) # batch
  BY <1>1, TailFacts DEF LiveInv, AllInv, TypeInv
<1>3. ENABLED <<RunOne>>_vars
  BY <1>2, ExpandENABLED DEF RunOne, vars, shared, history
<1> QED BY <1>3 DEF RealRunOne

LEMMA EnqueueCan == LiveInv /\ pc[Loop] = "submit" /\ ~closed => ENABLED RealEnqueue
<1> SUFFICES ASSUME LiveInv, pc[Loop] = "submit" /\ ~closed PROVE ENABLED RealEnqueue
  OBVIOUS
<1>1. pc \in [Threads -> AllLabels] /\ Loop \in Threads
  BY ThreadFacts DEF LiveInv, AllInv, TypeInv
<1>2. [pc EXCEPT ![Loop] = IF Wakes /\ asleep THEN "notify" ELSE "unlock"] # pc
  BY <1>1
<1>3. ENABLED <<Enqueue(Loop)>>_vars
  BY <1>2, ExpandENABLED DEF Enqueue, vars, shared, history, Goto, Upcoming
<1> QED BY <1>3 DEF RealEnqueue

LEMMA TakeCan == LiveInv /\ pc[Loop] = "take" => ENABLED RealTake
<1> SUFFICES ASSUME LiveInv, pc[Loop] = "take" PROVE ENABLED RealTake
  OBVIOUS
<1>1. pc \in [Threads -> AllLabels] /\ Loop \in Threads
  BY ThreadFacts DEF LiveInv, AllInv, TypeInv
<1>2. [pc EXCEPT ![Loop] = "begin"] # pc
  BY <1>1
<1>3. ENABLED <<Take>>_vars
  BY <1>2, ExpandENABLED DEF Take, vars, shared, history, Goto, Upcoming
<1> QED BY <1>3 DEF RealTake

LEMMA StoppedCan == LiveInv /\ pc[Loop] = "honour" => ENABLED RealStopped
<1> SUFFICES ASSUME LiveInv, pc[Loop] = "honour" PROVE ENABLED RealStopped
  OBVIOUS
<1>1. pc \in [Threads -> AllLabels] /\ Loop \in Threads
  BY ThreadFacts DEF LiveInv, AllInv, TypeInv
<1>2. [pc EXCEPT ![Loop] = "return"] # pc
  BY <1>1
<1>3. ENABLED <<Stopped>>_vars
  BY <1>2, ExpandENABLED DEF Stopped, vars, shared, history, Goto, Upcoming
<1> QED BY <1>3 DEF RealStopped

LEMMA CloseCan == LiveInv /\ pc[Loop] = "close" => ENABLED RealClose
<1> SUFFICES ASSUME LiveInv, pc[Loop] = "close" PROVE ENABLED RealClose
  OBVIOUS
<1>1. pc \in [Threads -> AllLabels] /\ Loop \in Threads
  BY ThreadFacts DEF LiveInv, AllInv, TypeInv
<1>2. [pc EXCEPT ![Loop] = "end"] # pc
  BY <1>1
<1>3. ENABLED <<Close>>_vars
  BY <1>2, ExpandENABLED DEF Close, vars, shared, history, Goto, Upcoming
<1> QED BY <1>3 DEF RealClose

(* The loop can take a step wherever it is not waiting and does not need the
   mutex while another thread holds it. *)
LEMMA LoopCanGoOn ==
    LiveInv /\ holder \notin Others /\ pc[Loop] \notin {"waiting", "done"}
        => ENABLED <<LoopStep>>_vars
<1> SUFFICES ASSUME LiveInv, holder \notin Others, pc[Loop] \notin {"waiting", "done"}
             PROVE  ENABLED StepLoop
  BY DEF StepLoop
<1>1. pc[Loop] \notin Critical => holder = Nobody
  BY ThreadFacts DEF LiveInv, AllInv, TypeInv, MutualExclusion
<1>2. pc[Loop] = "submit" => ~closed
  BY DEF LiveInv, AllInv, PhaseInv
<1>3. pc[Loop] \in LoopLabels \ {"waiting", "done", "stop", "notify"}
  BY DEF LiveInv, AllInv, TypeInv, LoopInv
<1> QED
  BY <1>1, <1>2, <1>3, LockToCloseCan, LockToCloseCounts, LockToLookCan, LockToLookCounts, LeaveMutexCan, LeaveMutexCounts, GoToSleepCan, GoToSleepCounts, WakeUpCan, WakeUpCounts, RunOneCan, RunOneCounts, EnqueueCan, EnqueueCounts, TakeCan, TakeCounts, StoppedCan, StoppedCounts, CloseCan, CloseCounts
     DEF LoopLabels, Critical

-----------------------------------------------------------------------------
(* The same for any other thread that holds the mutex. *)
NotifyNobody(t) ==
    /\ pc[t] = "notify"
    /\ waitSet = {}
    /\ asleep' = FALSE
    /\ pc' = [pc EXCEPT ![t] = "unlock"]
    /\ UNCHANGED <<holder, queue, stopping, closed, waitSet, submitted, batch,
                   accepted, ran, refused, cancelled, dropped, phase>>

NotifyLoop(t) ==
    /\ pc[t] = "notify"
    /\ waitSet = {Loop}
    /\ asleep' = FALSE
    /\ waitSet' = {}
    /\ pc' = [pc EXCEPT ![t] = "unlock", ![Loop] = "notified"]
    /\ UNCHANGED <<holder, queue, stopping, closed, submitted, batch,
                   accepted, ran, refused, cancelled, dropped, phase>>

AskToStop(t) ==
    /\ pc[t] = "stop"
    /\ stopping' = TRUE
    /\ pc' = [pc EXCEPT ![t] = IF asleep THEN "notify" ELSE "unlock"]
    /\ UNCHANGED <<holder, queue, asleep, closed, waitSet, submitted, batch,
                   accepted, ran, refused, cancelled, dropped, phase>>

GetBack(t) ==
    /\ pc[t] = "submit"
    /\ closed
    /\ refused' = refused \union {Upcoming(t)}
    /\ submitted' = [submitted EXCEPT ![t] = @ + 1]
    /\ pc' = [pc EXCEPT ![t] = "unlock"]
    /\ UNCHANGED <<holder, queue, asleep, stopping, closed, waitSet, batch,
                   accepted, ran, cancelled, dropped, phase>>

GoAway(t) ==
    /\ pc[t] = "unlock"
    /\ holder' = Nobody
    /\ pc' = [pc EXCEPT ![t] = IF submitted[t] < Quota(t) THEN "ready" ELSE "done"]
    /\ UNCHANGED <<queue, asleep, stopping, closed, waitSet, submitted, batch,
                   accepted, ran, refused, cancelled, dropped, phase>>

(* Each of them is one that fairness asks for. *)
LEMMA StepsOfHolder ==
    ASSUME NEW t \in Others
    PROVE  /\ NotifyNobody(t) => HolderStep(t)
           /\ NotifyLoop(t) => HolderStep(t)
           /\ AskToStop(t) => HolderStep(t)
           /\ GetBack(t) => HolderStep(t)
           /\ GoAway(t) => HolderStep(t)
           /\ Enqueue(t) => HolderStep(t)
<1> USE ThreadFacts DEF HolderStep, shared, history, Goto
<1>1. NotifyNobody(t) => HolderStep(t) BY DEF NotifyNobody, Notify
<1>2. NotifyLoop(t) => HolderStep(t)
  <2> SUFFICES ASSUME NotifyLoop(t) PROVE Notify(t) OBVIOUS
  <2>1. Loop \in waitSet /\ waitSet' = waitSet \ {Loop} BY DEF NotifyLoop
  <2> QED BY <2>1 DEF NotifyLoop, Notify
<1>3. AskToStop(t) => HolderStep(t) BY DEF AskToStop, Stop
<1>4. GetBack(t) => HolderStep(t) BY DEF GetBack, Refuse
<1>5. GoAway(t) => HolderStep(t) BY DEF GoAway, Unlock
<1> QED BY <1>1, <1>2, <1>3, <1>4, <1>5

StepHolder(t) == <<HolderStep(t)>>_vars

OwnNotifyNobody(t) == <<NotifyNobody(t)>>_vars
LEMMA OwnNotifyNobodyCounts ==
    ASSUME NEW t \in Others PROVE (ENABLED OwnNotifyNobody(t)) => ENABLED StepHolder(t)
<1> SUFFICES ASSUME ENABLED OwnNotifyNobody(t) PROVE ENABLED StepHolder(t)
  OBVIOUS
<1>1. OwnNotifyNobody(t) \in BOOLEAN BY DEF OwnNotifyNobody
<1>2. StepHolder(t) \in BOOLEAN BY DEF StepHolder
<1>3. (ENABLED OwnNotifyNobody(t)) \/ (ENABLED StepHolder(t)) OBVIOUS
<1>4. ENABLED (OwnNotifyNobody(t) \/ StepHolder(t)) BY <1>1, <1>2, <1>3, ENABLEDaxioms
<1>5. (OwnNotifyNobody(t) \/ StepHolder(t)) \in BOOLEAN BY <1>1, <1>2
<1>6. (OwnNotifyNobody(t) \/ StepHolder(t)) = StepHolder(t) BY StepsOfHolder DEF OwnNotifyNobody, StepHolder
<1>7. (ENABLED (OwnNotifyNobody(t) \/ StepHolder(t))) <=> (ENABLED StepHolder(t))
  BY <1>2, <1>5, <1>6, ENABLEDaxioms
<1> QED BY <1>4, <1>7

OwnNotifyLoop(t) == <<NotifyLoop(t)>>_vars
LEMMA OwnNotifyLoopCounts ==
    ASSUME NEW t \in Others PROVE (ENABLED OwnNotifyLoop(t)) => ENABLED StepHolder(t)
<1> SUFFICES ASSUME ENABLED OwnNotifyLoop(t) PROVE ENABLED StepHolder(t)
  OBVIOUS
<1>1. OwnNotifyLoop(t) \in BOOLEAN BY DEF OwnNotifyLoop
<1>2. StepHolder(t) \in BOOLEAN BY DEF StepHolder
<1>3. (ENABLED OwnNotifyLoop(t)) \/ (ENABLED StepHolder(t)) OBVIOUS
<1>4. ENABLED (OwnNotifyLoop(t) \/ StepHolder(t)) BY <1>1, <1>2, <1>3, ENABLEDaxioms
<1>5. (OwnNotifyLoop(t) \/ StepHolder(t)) \in BOOLEAN BY <1>1, <1>2
<1>6. (OwnNotifyLoop(t) \/ StepHolder(t)) = StepHolder(t) BY StepsOfHolder DEF OwnNotifyLoop, StepHolder
<1>7. (ENABLED (OwnNotifyLoop(t) \/ StepHolder(t))) <=> (ENABLED StepHolder(t))
  BY <1>2, <1>5, <1>6, ENABLEDaxioms
<1> QED BY <1>4, <1>7

OwnAskToStop(t) == <<AskToStop(t)>>_vars
LEMMA OwnAskToStopCounts ==
    ASSUME NEW t \in Others PROVE (ENABLED OwnAskToStop(t)) => ENABLED StepHolder(t)
<1> SUFFICES ASSUME ENABLED OwnAskToStop(t) PROVE ENABLED StepHolder(t)
  OBVIOUS
<1>1. OwnAskToStop(t) \in BOOLEAN BY DEF OwnAskToStop
<1>2. StepHolder(t) \in BOOLEAN BY DEF StepHolder
<1>3. (ENABLED OwnAskToStop(t)) \/ (ENABLED StepHolder(t)) OBVIOUS
<1>4. ENABLED (OwnAskToStop(t) \/ StepHolder(t)) BY <1>1, <1>2, <1>3, ENABLEDaxioms
<1>5. (OwnAskToStop(t) \/ StepHolder(t)) \in BOOLEAN BY <1>1, <1>2
<1>6. (OwnAskToStop(t) \/ StepHolder(t)) = StepHolder(t) BY StepsOfHolder DEF OwnAskToStop, StepHolder
<1>7. (ENABLED (OwnAskToStop(t) \/ StepHolder(t))) <=> (ENABLED StepHolder(t))
  BY <1>2, <1>5, <1>6, ENABLEDaxioms
<1> QED BY <1>4, <1>7

OwnGetBack(t) == <<GetBack(t)>>_vars
LEMMA OwnGetBackCounts ==
    ASSUME NEW t \in Others PROVE (ENABLED OwnGetBack(t)) => ENABLED StepHolder(t)
<1> SUFFICES ASSUME ENABLED OwnGetBack(t) PROVE ENABLED StepHolder(t)
  OBVIOUS
<1>1. OwnGetBack(t) \in BOOLEAN BY DEF OwnGetBack
<1>2. StepHolder(t) \in BOOLEAN BY DEF StepHolder
<1>3. (ENABLED OwnGetBack(t)) \/ (ENABLED StepHolder(t)) OBVIOUS
<1>4. ENABLED (OwnGetBack(t) \/ StepHolder(t)) BY <1>1, <1>2, <1>3, ENABLEDaxioms
<1>5. (OwnGetBack(t) \/ StepHolder(t)) \in BOOLEAN BY <1>1, <1>2
<1>6. (OwnGetBack(t) \/ StepHolder(t)) = StepHolder(t) BY StepsOfHolder DEF OwnGetBack, StepHolder
<1>7. (ENABLED (OwnGetBack(t) \/ StepHolder(t))) <=> (ENABLED StepHolder(t))
  BY <1>2, <1>5, <1>6, ENABLEDaxioms
<1> QED BY <1>4, <1>7

OwnGoAway(t) == <<GoAway(t)>>_vars
LEMMA OwnGoAwayCounts ==
    ASSUME NEW t \in Others PROVE (ENABLED OwnGoAway(t)) => ENABLED StepHolder(t)
<1> SUFFICES ASSUME ENABLED OwnGoAway(t) PROVE ENABLED StepHolder(t)
  OBVIOUS
<1>1. OwnGoAway(t) \in BOOLEAN BY DEF OwnGoAway
<1>2. StepHolder(t) \in BOOLEAN BY DEF StepHolder
<1>3. (ENABLED OwnGoAway(t)) \/ (ENABLED StepHolder(t)) OBVIOUS
<1>4. ENABLED (OwnGoAway(t) \/ StepHolder(t)) BY <1>1, <1>2, <1>3, ENABLEDaxioms
<1>5. (OwnGoAway(t) \/ StepHolder(t)) \in BOOLEAN BY <1>1, <1>2
<1>6. (OwnGoAway(t) \/ StepHolder(t)) = StepHolder(t) BY StepsOfHolder DEF OwnGoAway, StepHolder
<1>7. (ENABLED (OwnGoAway(t) \/ StepHolder(t))) <=> (ENABLED StepHolder(t))
  BY <1>2, <1>5, <1>6, ENABLEDaxioms
<1> QED BY <1>4, <1>7

OwnEnqueue(t) == <<Enqueue(t)>>_vars
LEMMA OwnEnqueueCounts ==
    ASSUME NEW t \in Others PROVE (ENABLED OwnEnqueue(t)) => ENABLED StepHolder(t)
<1> SUFFICES ASSUME ENABLED OwnEnqueue(t) PROVE ENABLED StepHolder(t)
  OBVIOUS
<1>1. OwnEnqueue(t) \in BOOLEAN BY DEF OwnEnqueue
<1>2. StepHolder(t) \in BOOLEAN BY DEF StepHolder
<1>3. (ENABLED OwnEnqueue(t)) \/ (ENABLED StepHolder(t)) OBVIOUS
<1>4. ENABLED (OwnEnqueue(t) \/ StepHolder(t)) BY <1>1, <1>2, <1>3, ENABLEDaxioms
<1>5. (OwnEnqueue(t) \/ StepHolder(t)) \in BOOLEAN BY <1>1, <1>2
<1>6. (OwnEnqueue(t) \/ StepHolder(t)) = StepHolder(t) BY StepsOfHolder DEF OwnEnqueue, StepHolder
<1>7. (ENABLED (OwnEnqueue(t) \/ StepHolder(t))) <=> (ENABLED StepHolder(t))
  BY <1>2, <1>5, <1>6, ENABLEDaxioms
<1> QED BY <1>4, <1>7

LEMMA OwnNotifyNobodyCan ==
    ASSUME NEW t \in Others PROVE LiveInv /\ pc[t] = "notify" /\ waitSet = {} => ENABLED OwnNotifyNobody(t)
<1> SUFFICES ASSUME LiveInv, pc[t] = "notify" /\ waitSet = {} PROVE ENABLED OwnNotifyNobody(t)
  OBVIOUS
<1>1. pc \in [Threads -> AllLabels] /\ Loop \in Threads /\ t \in Threads /\ t # Loop
  BY ThreadFacts DEF LiveInv, AllInv, TypeInv
<1>2. [pc EXCEPT ![t] = "unlock"] # pc
  BY <1>1
<1>3. ENABLED <<NotifyNobody(t)>>_vars
  BY <1>2, ExpandENABLED DEF NotifyNobody, vars, shared, history
<1> QED BY <1>3 DEF OwnNotifyNobody

LEMMA OwnNotifyLoopCan ==
    ASSUME NEW t \in Others PROVE LiveInv /\ pc[t] = "notify" /\ waitSet = {Loop} => ENABLED OwnNotifyLoop(t)
<1> SUFFICES ASSUME LiveInv, pc[t] = "notify" /\ waitSet = {Loop} PROVE ENABLED OwnNotifyLoop(t)
  OBVIOUS
<1>1. pc \in [Threads -> AllLabels] /\ Loop \in Threads /\ t \in Threads /\ t # Loop
  BY ThreadFacts DEF LiveInv, AllInv, TypeInv
<1>2. [pc EXCEPT ![t] = "unlock", ![Loop] = "notified"] # pc
  BY <1>1
<1>3. ENABLED <<NotifyLoop(t)>>_vars
  BY <1>2, ExpandENABLED DEF NotifyLoop, vars, shared, history
<1> QED BY <1>3 DEF OwnNotifyLoop

LEMMA OwnAskToStopCan ==
    ASSUME NEW t \in Others PROVE LiveInv /\ pc[t] = "stop" => ENABLED OwnAskToStop(t)
<1> SUFFICES ASSUME LiveInv, pc[t] = "stop" PROVE ENABLED OwnAskToStop(t)
  OBVIOUS
<1>1. pc \in [Threads -> AllLabels] /\ Loop \in Threads /\ t \in Threads /\ t # Loop
  BY ThreadFacts DEF LiveInv, AllInv, TypeInv
<1>2. [pc EXCEPT ![t] = IF asleep THEN "notify" ELSE "unlock"] # pc
  BY <1>1
<1>3. ENABLED <<AskToStop(t)>>_vars
  BY <1>2, ExpandENABLED DEF AskToStop, vars, shared, history
<1> QED BY <1>3 DEF OwnAskToStop

LEMMA OwnGetBackCan ==
    ASSUME NEW t \in Others PROVE LiveInv /\ pc[t] = "submit" /\ closed => ENABLED OwnGetBack(t)
<1> SUFFICES ASSUME LiveInv, pc[t] = "submit" /\ closed PROVE ENABLED OwnGetBack(t)
  OBVIOUS
<1>1. pc \in [Threads -> AllLabels] /\ Loop \in Threads /\ t \in Threads /\ t # Loop
  BY ThreadFacts DEF LiveInv, AllInv, TypeInv
<1>2. [pc EXCEPT ![t] = "unlock"] # pc
  BY <1>1
<1>3. ENABLED <<GetBack(t)>>_vars
  BY <1>2, ExpandENABLED DEF GetBack, vars, shared, history, Upcoming
<1> QED BY <1>3 DEF OwnGetBack

LEMMA OwnGoAwayCan ==
    ASSUME NEW t \in Others PROVE LiveInv /\ pc[t] = "unlock" => ENABLED OwnGoAway(t)
<1> SUFFICES ASSUME LiveInv, pc[t] = "unlock" PROVE ENABLED OwnGoAway(t)
  OBVIOUS
<1>1. pc \in [Threads -> AllLabels] /\ Loop \in Threads /\ t \in Threads /\ t # Loop
  BY ThreadFacts DEF LiveInv, AllInv, TypeInv
<1>2. [pc EXCEPT ![t] = IF submitted[t] < Quota(t) THEN "ready" ELSE "done"] # pc
  BY <1>1
<1>3. ENABLED <<GoAway(t)>>_vars
  BY <1>2, ExpandENABLED DEF GoAway, vars, shared, history
<1> QED BY <1>3 DEF OwnGoAway

LEMMA OwnEnqueueCan ==
    ASSUME NEW t \in Others PROVE LiveInv /\ pc[t] = "submit" /\ ~closed => ENABLED OwnEnqueue(t)
<1> SUFFICES ASSUME LiveInv, pc[t] = "submit" /\ ~closed PROVE ENABLED OwnEnqueue(t)
  OBVIOUS
<1>1. pc \in [Threads -> AllLabels] /\ Loop \in Threads /\ t \in Threads /\ t # Loop
  BY ThreadFacts DEF LiveInv, AllInv, TypeInv
<1>2. [pc EXCEPT ![t] = IF Wakes /\ asleep THEN "notify" ELSE "unlock"] # pc
  BY <1>1
<1>3. ENABLED <<Enqueue(t)>>_vars
  BY <1>2, ExpandENABLED DEF Enqueue, vars, shared, history, Goto, Upcoming
<1> QED BY <1>3 DEF OwnEnqueue

(* A thread other than the loop can take a step wherever it holds the mutex. *)
LEMMA HolderCanGoOn ==
    ASSUME NEW t \in Others
    PROVE  LiveInv /\ holder = t => ENABLED <<HolderStep(t)>>_vars
<1> SUFFICES ASSUME LiveInv, holder = t PROVE ENABLED StepHolder(t)
  BY DEF StepHolder
<1>1. pc[t] \in {"submit", "stop", "notify", "unlock"}
  BY ThreadFacts DEF LiveInv, AllInv, TypeInv, MutualExclusion, Critical, OtherLabels
<1>2. waitSet = {} \/ waitSet = {Loop}
  BY DEF LiveInv, AllInv, TypeInv
<1> QED
  BY <1>1, <1>2, OwnNotifyNobodyCan, OwnNotifyNobodyCounts,
     OwnNotifyLoopCan, OwnNotifyLoopCounts,
     OwnAskToStopCan, OwnAskToStopCounts,
     OwnGetBackCan, OwnGetBackCounts,
     OwnGoAwayCan, OwnGoAwayCounts,
     OwnEnqueueCan, OwnEnqueueCounts
=============================================================================
