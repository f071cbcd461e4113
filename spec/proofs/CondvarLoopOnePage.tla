-------------------------- MODULE CondvarLoopOnePage -------------------------
(***************************************************************************)
(* The page about the lost wakeup, LostWakeup.tla, leaves out the mutex,   *)
(* the condvar and the threads, and still shows all that a lost wakeup     *)
(* needs: every step of CondvarLoop is one of that page's, or one that the *)
(* page cannot see. `queued' there is "a callback is queued, or a stop is  *)
(* pending" here, and `waking' is "a thread is about to notify".           *)
(***************************************************************************)
EXTENDS CondvarLoopWakeup

(* Only a loop that waits, or has just woken, has its flag set. So the loop
   finds the flag clear wherever it empties the queue. *)
AsleepInv == asleep => pc[Loop] \in {"waiting", "notified", "timed out"}

LEMMA InitAsleep == Init => AsleepInv
  BY DEF Init, AsleepInv

(* Sleep alone sets the flag. Of the steps that lead away from the three
   labels, Wake clears it. *)
LEMMA NextAsleep == TypeInv /\ AsleepInv /\ [Next]_vars => AsleepInv'
<1> SUFFICES ASSUME TypeInv, AsleepInv, [Next]_vars PROVE AsleepInv'
  OBVIOUS
<1>0. /\ pc \in [Threads -> AllLabels]
      /\ waitSet = IF pc[Loop] = "waiting" THEN {Loop} ELSE {}
  BY DEF TypeInv
<1> USE <1>0, ThreadFacts DEF AsleepInv, shared, history, Goto
<1>1. ASSUME NEW t \in Threads, Lock(t) PROVE AsleepInv'
  BY <1>1 DEF Lock, Iterating, AtLarge
<1>2. ASSUME NEW t \in Threads, Enqueue(t) \/ Refuse(t) \/ Stop(t) PROVE AsleepInv'
  BY <1>2 DEF Enqueue, Refuse, Stop
<1>3. ASSUME NEW t \in Threads, Notify(t) PROVE AsleepInv'
  BY <1>3 DEF Notify
<1>4. ASSUME NEW t \in Threads, Unlock(t) PROVE AsleepInv'
  BY <1>4 DEF Unlock
<1>5. CASE Sleep \/ SpuriousWakeup \/ Timeout
  BY <1>5 DEF Sleep, SpuriousWakeup, Timeout
<1>6. CASE Wake \/ Take \/ Run \/ Stopped \/ Close
  BY <1>6 DEF Wake, Take, Run, Stopped, Close, Iterating
<1>7. CASE (\E c \in Callbacks : Cancel(c)) \/ Terminating \/ UNCHANGED vars
  BY <1>7 DEF Cancel, Terminating, vars
<1> QED BY <1>1, <1>2, <1>3, <1>4, <1>5, <1>6, <1>7 DEF Next

(* In words of the page. *)
Queued == queue # <<>> \/ stopping
Waking == \E t \in Threads : pc[t] = "notify"

LEMMA InitOnePage == Init => OnePage!Init
  BY DEF Init, OnePage!Init

LEMMA UnseenByPage ==
    asleep' = asleep /\ Queued' = Queued /\ Waking' = Waking => UNCHANGED OnePage!vars
  BY DEF OnePage!vars, Queued, Waking

(* A thread that goes from one label to another, neither of them "notify",
   leaves `waking' as it is. *)
LEMMA WakingStays ==
    ASSUME pc \in [Threads -> AllLabels],
           NEW t \in Threads, NEW label, label # "notify",
           pc[t] # "notify", pc' = [pc EXCEPT ![t] = label]
    PROVE  Waking' = Waking
<1>1. \A u \in Threads : pc'[u] = "notify" <=> pc[u] = "notify"
  OBVIOUS
<1> QED BY <1>1 DEF Waking

(* Enqueue and Stop are Submit: the thread goes on to notify just if it finds
   the flag set. *)
LEMMA PageSubmit ==
    ASSUME Wakes, TypeInv, NEW t \in Threads, Enqueue(t) \/ Stop(t)
    PROVE  OnePage!Submit
<1>0. pc \in [Threads -> AllLabels] /\ queue \in Seq(Callbacks) /\ asleep \in BOOLEAN
  BY DEF TypeInv
<1>1. /\ asleep' = asleep
      /\ pc' = [pc EXCEPT ![t] = IF asleep THEN "notify" ELSE "unlock"]
      /\ pc[t] # "notify"
  BY DEF Enqueue, Stop, Goto
<1>2. Queued'
  <2>1. CASE Enqueue(t)
    <3>1. Upcoming(t) \in Callbacks BY <2>1, UpcomingIsCallback DEF Enqueue
    <3>2. queue' # <<>> BY <2>1, <3>1, <1>0 DEF Enqueue
    <3> QED BY <3>2 DEF Queued
  <2>2. CASE Stop(t) BY <2>2 DEF Stop, Queued
  <2> QED BY <2>1, <2>2
<1>3. Waking' = (Waking \/ asleep)
  <2>1. CASE asleep BY <2>1, <1>0, <1>1 DEF Waking
  <2>2. CASE ~asleep
    <3>1. \A u \in Threads : pc'[u] = "notify" <=> pc[u] = "notify"
      BY <2>2, <1>0, <1>1
    <3> QED BY <2>2, <3>1 DEF Waking
  <2> QED BY <2>1, <2>2, <1>0
<1> QED BY <1>1, <1>2, <1>3 DEF OnePage!Submit, Queued, Waking

(* Notify is Wake: nobody else is about to notify, since nobody else is inside
   the mutex. *)
LEMMA PageWake ==
    ASSUME TypeInv, MutualExclusion, NEW t \in Threads, Notify(t)
    PROVE  OnePage!Wake
<1>0. /\ pc \in [Threads -> AllLabels]
      /\ \A u \in Threads : pc[u] = "notify" => u = t
  BY DEF TypeInv, MutualExclusion, Notify, Critical
<1>1. \A u \in Threads : pc'[u] # "notify"
  BY <1>0 DEF Notify, Goto
<1>2. pc[t] = "notify" /\ asleep' = FALSE /\ UNCHANGED <<queue, stopping>>
  BY DEF Notify
<1> QED BY <1>1, <1>2 DEF OnePage!Wake

(* Sleep is Sleep: what the loop saw under the mutex is still so. *)
LEMMA PageSleep ==
    ASSUME TypeInv, WakeupInv, Sleep
    PROVE  OnePage!Sleep
<1>1. Waking' = Waking
  BY WakingStays, ThreadFacts DEF Sleep, Goto, TypeInv
<1>2. ~Queued /\ Queued' = Queued /\ asleep' = TRUE
  BY DEF Sleep, WakeupInv, NothingToDo, Queued
<1> QED BY <1>1, <1>2 DEF OnePage!Sleep, Queued, Waking

(* Wake is WakeByChance: by now the flag is clear, unless the loop has woken
   without a notification. *)
LEMMA PageWakeByChance ==
    ASSUME TypeInv, Wake
    PROVE  OnePage!WakeByChance
<1>1. PICK label \in {"take", "sleep"} : pc' = [pc EXCEPT ![Loop] = label]
  BY DEF Wake, Goto, FirstLook
<1>2. Waking' = Waking
  BY <1>1, WakingStays, ThreadFacts DEF Wake, TypeInv
<1>3. Queued' = Queued /\ asleep' = FALSE
  BY DEF Wake, Queued
<1> QED BY <1>2, <1>3 DEF OnePage!WakeByChance, Queued, Waking

(* Take, Stopped and Close are Take, if they leave nothing to do. Otherwise
   there was something to do before as well, and the page sees nothing. *)
LEMMA PageTake ==
    ASSUME TypeInv, AsleepInv, Take \/ Stopped \/ Close
    PROVE  OnePage!Take \/ UNCHANGED OnePage!vars
<1>1. PICK label \in {"begin", "return", "end"} : pc' = [pc EXCEPT ![Loop] = label]
  BY DEF Take, Stopped, Close, Goto
<1>2. pc[Loop] \in {"take", "honour", "close"} BY DEF Take, Stopped, Close
<1>3. Waking' = Waking
  BY <1>1, <1>2, WakingStays, ThreadFacts DEF TypeInv
<1>4. ~asleep /\ asleep' = asleep
  BY <1>2 DEF AsleepInv, Take, Stopped, Close
<1>5. Queued' => Queued
  BY DEF Take, Stopped, Close, Queued, TypeInv
<1>6. Queued \in BOOLEAN /\ Queued' \in BOOLEAN BY DEF Queued
<1>7. CASE Queued' BY <1>3, <1>4, <1>5, <1>6, <1>7, UnseenByPage
<1>8. CASE ~Queued' BY <1>3, <1>4, <1>8 DEF OnePage!Take, Queued, Waking
<1> QED BY <1>7, <1>8

(* A thread that takes the mutex, lets it go, or gets its callback back. *)
LEMMA PageUnseenThreads ==
    ASSUME TypeInv, NEW t \in Threads, Lock(t) \/ Refuse(t) \/ Unlock(t)
    PROVE  UNCHANGED OnePage!vars
<1>0. pc \in [Threads -> AllLabels] BY DEF TypeInv
<1>1. PICK label \in AllLabels \ {"notify"} : pc' = [pc EXCEPT ![t] = label]
  <2>1. CASE Lock(t)
    BY <2>1 DEF Lock, Goto, FirstLook, NextLook, AllLabels, LoopLabels, OtherLabels
  <2>2. CASE Refuse(t) BY <2>2 DEF Refuse, Goto, AllLabels, LoopLabels, OtherLabels
  <2>3. CASE Unlock(t)
    <3>1. CASE t = Loop BY <2>3, <3>1 DEF Unlock, Goto, AllLabels, LoopLabels, OtherLabels
    <3>2. CASE t # Loop
      <4>1. pc[t] = "unlock"
        BY <2>3, <3>2, ThreadFacts DEF Unlock, TypeInv, OtherLabels
      <4> QED BY <2>3, <3>2, <4>1 DEF Unlock, Goto, AllLabels, LoopLabels, OtherLabels
    <3> QED BY <3>1, <3>2
  <2> QED BY <2>1, <2>2, <2>3
<1>2. pc[t] # "notify"
  BY DEF Lock, Refuse, Unlock, Iterating, AtLarge
<1>3. Waking' = Waking BY <1>0, <1>1, <1>2, WakingStays
<1>4. UNCHANGED <<asleep, queue, stopping>>
  BY DEF Lock, Refuse, Unlock, shared
<1> QED BY <1>3, <1>4, UnseenByPage DEF Queued

(* The condvar's own steps, a callback that runs, and one that is cancelled. *)
LEMMA PageUnseenOthers ==
    ASSUME TypeInv,
           SpuriousWakeup \/ Timeout \/ Run \/ Terminating \/ UNCHANGED vars
               \/ \E c \in Callbacks : Cancel(c)
    PROVE  UNCHANGED OnePage!vars
<1>0. pc \in [Threads -> AllLabels] /\ waitSet = IF pc[Loop] = "waiting" THEN {Loop} ELSE {}
  BY DEF TypeInv
<1>1. \/ pc' = pc
      \/ pc[Loop] # "notify" /\ \E label \in {"notified", "timed out", "callback"} :
            pc' = [pc EXCEPT ![Loop] = label]
  BY <1>0 DEF SpuriousWakeup, Timeout, Run, Iterating, Terminating, vars, Cancel, Goto
<1>2. Waking' = Waking
  <2>1. CASE pc' = pc BY <2>1 DEF Waking
  <2>2. CASE pc' # pc BY <2>2, <1>0, <1>1, WakingStays, ThreadFacts
  <2> QED BY <2>1, <2>2
<1>3. UNCHANGED <<asleep, queue, stopping>>
  BY DEF SpuriousWakeup, Timeout, Run, Terminating, vars, Cancel, shared
<1> QED BY <1>2, <1>3, UnseenByPage DEF Queued

LEMMA NextOnePage ==
    ASSUME Wakes, TypeInv, MutualExclusion, WakeupInv, AsleepInv, [Next]_vars
    PROVE  [OnePage!Next]_(OnePage!vars)
  BY PageSubmit, PageWake, PageSleep, PageWakeByChance, PageTake, PageUnseenThreads,
     PageUnseenOthers DEF Next, OnePage!Next

(* The one page tells the truth about CondvarLoop, for any number of threads.
   (In the unsafe variant a stop still notifies, which is more than the page
   allows there.) *)
THEOREM OnePageHolds == ASSUME Wakes PROVE Spec => RefinesLostWakeup
<1>1. TypeInv /\ MutualExclusion /\ WakeupInv /\ [Next]_vars => WakeupInv'
  BY NextWakeup
<1>2. TypeInv /\ MutualExclusion /\ WakeupInv /\ AsleepInv /\ [Next]_vars
          => [OnePage!Next]_(OnePage!vars)
  BY NextOnePage
<1> QED
  BY InitTypeInv, NextTypeInv, InitMutex, NextMutex, InitWakeup, <1>1, InitAsleep, NextAsleep,
     InitOnePage, <1>2, PTL DEF Spec, RefinesLostWakeup
=============================================================================
