-------------------------- MODULE CondvarLoopSteps ---------------------------
(***************************************************************************)
(* What a single step of CondvarLoop may not do: run a callback under the  *)
(* mutex, begin an iteration for no reason, or accept a callback after the *)
(* loop was closed.                                                        *)
(***************************************************************************)
EXTENDS CondvarLoopRefinement

(* Only Run changes what has run, and there the loop does not hold the mutex. *)
LEMMA RunUnlocked == TypeInv /\ MutualExclusion /\ [Next]_vars => (ran' # ran => holder # Loop)
<1> SUFFICES ASSUME TypeInv, MutualExclusion, [Next]_vars, ran' # ran PROVE holder # Loop
  OBVIOUS
<1>1. Run
  BY DEF Next, Lock, Enqueue, Refuse, Notify, Stop, Unlock, Sleep, SpuriousWakeup, Timeout, Wake, Take, Stopped, Close, Cancel, Terminating, vars, shared, history
<1>2. pc[Loop] \notin Critical BY <1>1 DEF Run, Iterating, Critical
<1> QED BY <1>2, ThreadFacts DEF MutualExclusion

(* The loop comes to "take" by Lock or by Wake. It has looked there, unless
   its wait has timed out. *)
LEMMA NoIdle == TypeInv /\ [Next]_vars =>
    (pc'[Loop] = "take" /\ pc[Loop] # "take" => ~NothingToDo \/ pc[Loop] = "timed out")
<1> SUFFICES ASSUME TypeInv, [Next]_vars, pc'[Loop] = "take", pc[Loop] # "take", pc[Loop] # "timed out"
             PROVE  ~NothingToDo
  OBVIOUS
<1>0. pc \in [Threads -> AllLabels] /\ waitSet \subseteq {Loop} BY DEF TypeInv
<1> USE <1>0, ThreadFacts DEF Goto
<1>1. ASSUME NEW t \in Threads, Lock(t) PROVE ~NothingToDo
  BY <1>1 DEF Lock, FirstLook, NextLook
<1>2. ASSUME NEW t \in Threads, Enqueue(t) \/ Refuse(t) \/ Stop(t) PROVE FALSE
  BY <1>2 DEF Enqueue, Refuse, Stop
<1>3. ASSUME NEW t \in Threads, Notify(t) PROVE FALSE
  BY <1>3 DEF Notify
<1>4. ASSUME NEW t \in Threads, Unlock(t) PROVE FALSE
  <2>1. CASE t = Loop BY <1>4, <2>1 DEF Unlock
  <2>2. CASE t # Loop BY <1>4, <2>2 DEF Unlock
  <2> QED BY <2>1, <2>2
<1>5. CASE Wake BY <1>5 DEF Wake, FirstLook
<1>6. ASSUME Sleep \/ SpuriousWakeup \/ Timeout \/ Take \/ Run \/ Stopped \/ Close PROVE FALSE
  BY <1>6 DEF Sleep, SpuriousWakeup, Timeout, Take, Run, Stopped, Close
<1>7. ASSUME (\E c \in Callbacks : Cancel(c)) \/ Terminating \/ UNCHANGED vars PROVE FALSE
  BY <1>7 DEF Cancel, Terminating, vars
<1> QED BY <1>1, <1>2, <1>3, <1>4, <1>5, <1>6, <1>7 DEF Next

(* Both are about steps, and follow from the types and from mutual exclusion. *)
THEOREM ActionProperties == Steps => RunsUnlocked /\ NoIdleIteration
<1>1. TypeInv /\ MutualExclusion /\ [Next]_vars => [ran' # ran => holder # Loop]_vars BY RunUnlocked
<1>2. TypeInv /\ [Next]_vars =>
   [pc'[Loop] = "take" /\ pc[Loop] # "take" => ~NothingToDo \/ pc[Loop] = "timed out"]_vars BY NoIdle
<1> QED BY <1>1, <1>2, TypeInvHolds, MutexHolds, PTL DEF Steps, RunsUnlocked, NoIdleIteration

(* Once the loop is closed, the queue and the batch are empty, so everything
   that was accepted is settled. *)
THEOREM AfterClose == Steps => []NothingAcceptedAfterClose
<1>1. AllInv => NothingAcceptedAfterClose
  <2> SUFFICES ASSUME AllInv, closed, NEW c \in Callbacks, Contract!Pending(c) PROVE FALSE
    BY DEF NothingAcceptedAfterClose
  <2>1. queue = <<>> /\ batch = <<>> /\ Len(queue) = 0 /\ Len(batch) = 0
    BY EmptyFacts DEF AllInv, PhaseInv
  <2>2. PICK i \in 1..Len(accepted) : accepted[i] = c BY PendingIs, Numbers, SeqFacts
  <2>3. Settled(accepted[i]) BY <2>1, Numbers DEF AllInv, HistoryInv, First
  <2> QED BY <2>2, <2>3, PendingIs
<1> QED BY <1>1, AllInvHolds, PTL
=============================================================================
