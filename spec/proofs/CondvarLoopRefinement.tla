------------------------ MODULE CondvarLoopRefinement ------------------------
(***************************************************************************)
(* Every step of CondvarLoop is one that EventLoop allows, or one that it  *)
(* cannot see. So the loop keeps the contract's safety, for any number of  *)
(* threads.                                                                *)
(*                                                                         *)
(* Each of the contract's actions is one action of the loop; they are gone *)
(* through one by one.                                                     *)
(***************************************************************************)
EXTENDS CondvarLoopHistory

(* The specification without its fairness: nothing here needs it. *)
Steps == Init /\ [][Next]_vars

AllInv == TypeInv /\ PhaseInv /\ HistoryInv

(* The contract's words in those of the history. *)
LEMMA PendingIs == \A c : Contract!Pending(c) <=>
    c \in Range(accepted) /\ ~Settled(c)
  BY DEF Contract!Pending, Contract!Range, Range, Settled

LEMMA RangeIs == \A s : Contract!Range(s) = Range(s)
  BY DEF Contract!Range, Range

LEMMA InitRefines == Init => Contract!Init
  BY EmptyFacts DEF Init, Contract!Init

LEMMA Numbers == ASSUME AllInv
    PROVE  /\ queue \in Seq(Callbacks) /\ batch \in Seq(Callbacks)
           /\ accepted \in Seq(Callbacks) /\ ran \in Seq(Callbacks)
           /\ Len(queue) \in Nat /\ Len(batch) \in Nat /\ Len(accepted) \in Nat
           /\ First \in Nat /\ First + Len(batch) + Len(queue) = Len(accepted)
           /\ \A i \in 1..Len(accepted) : accepted[i] \in Range(accepted)
<1>1. /\ queue \in Seq(Callbacks) /\ batch \in Seq(Callbacks)
      /\ accepted \in Seq(Callbacks) /\ ran \in Seq(Callbacks)
  BY DEF AllInv, TypeInv
<1> QED BY <1>1, SeqFacts DEF AllInv, HistoryInv, First

(* A step that changes none of these is one that the contract cannot see. *)
LEMMA Unseen ==
    UNCHANGED <<accepted, ran, refused, cancelled, dropped, stopping, phase, queue>>
        => UNCHANGED Contract!vars
  BY DEF Contract!vars

(* Enqueue is Submit: the loop is not closed, and the callback is a new one. *)
LEMMA RefEnqueue == ASSUME AllInv, NEW t \in Threads, Enqueue(t) PROVE Contract!Next
<1>1. Upcoming(t) \in Callbacks /\ Upcoming(t) = <<t, submitted[t] + 1>>
  BY UpcomingIsCallback DEF Enqueue, Upcoming, AllInv
<1>2. Upcoming(t) \notin Range(accepted)
  BY <1>1 DEF AllInv, HistoryInv, TypeInv
<1>3. Len(accepted') - Len(queue') = Len(accepted) - Len(queue)
  BY <1>1, Numbers, AppendFacts DEF Enqueue
<1>4. Contract!Submit(Upcoming(t))
  BY <1>2, <1>3, RangeIs DEF Enqueue, Contract!Submit, AllInv, PhaseInv
<1> QED BY <1>1, <1>4 DEF Contract!Next

(* Refuse is Refuse. *)
LEMMA RefRefuse == ASSUME AllInv, NEW t \in Threads, Refuse(t) PROVE Contract!Next
<1>1. Upcoming(t) \in Callbacks /\ Upcoming(t) = <<t, submitted[t] + 1>>
  BY UpcomingIsCallback DEF Refuse, Upcoming, AllInv
<1>2. Upcoming(t) \notin Range(accepted)
  BY <1>1 DEF AllInv, HistoryInv, TypeInv
<1>4. Contract!Refuse(Upcoming(t))
  BY <1>2, RangeIs DEF Refuse, Contract!Refuse, AllInv, PhaseInv, shared
<1> QED BY <1>1, <1>4 DEF Contract!Next

(* Cancel is Cancel. *)
LEMMA RefCancel == ASSUME AllInv, NEW c \in Callbacks, Cancel(c) PROVE Contract!Next
<1>1. Contract!Cancel(c)
  BY PendingIs DEF Cancel, Contract!Cancel, Settled, shared
<1> QED BY <1>1 DEF Contract!Next

(* Stop is Stop. *)
LEMMA RefStop == ASSUME NEW t \in Threads, Stop(t) PROVE Contract!Next
<1>1. Contract!Stop BY DEF Stop, Contract!Stop, history
<1> QED BY <1>1 DEF Contract!Next

(* Lock is Start where a run begins. Otherwise nobody sees it. *)
LEMMA RefLock == ASSUME AllInv, NEW t \in Threads, Lock(t) PROVE [Contract!Next]_(Contract!vars)
<1>1. CASE phase' = phase
  BY <1>1, Unseen DEF Lock, shared
<1>2. CASE phase' # phase
  <2>1. pc[t] = "idle" /\ phase' = "started" BY <1>2 DEF Lock
  <2>2. t = Loop BY <2>1, ThreadFacts DEF AllInv, TypeInv, OtherLabels
  <2>3. phase = "idle" BY <2>1, <2>2 DEF AllInv, PhaseInv
  <2>4. Contract!Start BY <2>1, <2>3 DEF Contract!Start, Lock, shared
  <2> QED BY <2>4 DEF Contract!Next
<1> QED BY <1>1, <1>2

(* Take is Iterate: the batch is empty, so the last iteration is over, and
   this one covers all that was accepted. *)
LEMMA RefTake == ASSUME AllInv, Take PROVE Contract!Next
<1>1. batch = <<>> /\ Len(batch) = 0 /\ phase \in {"started", "running"}
  BY EmptyFacts DEF AllInv, PhaseInv, Take
<1>2. First = Len(accepted) - Len(queue)
  BY <1>1, Numbers DEF First
<1>3. Contract!IterationIsOver
  BY <1>2, PendingIs DEF Contract!IterationIsOver, AllInv, HistoryInv
<1>4. Len(accepted') - Len(queue') = Len(accepted)
  BY Numbers, EmptyFacts DEF Take
<1>5. Contract!Iterate
  BY <1>1, <1>3, <1>4, Numbers, EmptyFacts DEF Contract!Iterate, Take
<1> QED BY <1>5 DEF Contract!Next

(* Run is Run, unless the callback was cancelled. Then nobody sees it. *)
LEMMA RefRun == ASSUME AllInv, Run PROVE [Contract!Next]_(Contract!vars)
<1>1. CASE Head(batch) \in cancelled
  BY <1>1, Unseen DEF Run, shared
<1>2. CASE Head(batch) \notin cancelled
  <2>1. Len(batch) > 0 /\ Head(batch) = batch[1]
    BY Numbers, TailFacts DEF Run
  <2>2. First + 1 \in 1..(Len(accepted) - Len(queue)) /\ Head(batch) = accepted[First + 1]
        /\ First + 1 \in 1..Len(accepted)
    BY <2>1, Numbers DEF AllInv, HistoryInv
  <2>3. phase = "running" /\ ~closed
    BY DEF Run, Iterating, AllInv, PhaseInv
  <2>4. Contract!Pending(accepted[First + 1])
    BY <2>2, <2>3, <1>2, PendingIs, Numbers DEF Settled, AllInv, HistoryInv
  <2>5. \A j \in 1..((First + 1) - 1) : ~Contract!Pending(accepted[j])
    BY PendingIs, Numbers DEF AllInv, HistoryInv
  <2>6. ran' = Append(ran, accepted[First + 1])
    BY <1>2, <2>2 DEF Run
  <2>7. \E i \in 1..(Len(accepted) - Len(queue)) :
            /\ Contract!Pending(accepted[i])
            /\ \A j \in 1..(i - 1) : ~Contract!Pending(accepted[j])
            /\ ran' = Append(ran, accepted[i])
    BY <2>2, <2>4, <2>5, <2>6
  <2>8. Contract!Run
    BY <2>7, <2>3 DEF Contract!Run, Run, shared
  <2> QED BY <2>8 DEF Contract!Next
<1> QED BY <1>1, <1>2

(* Stopped is Return: the batch is empty. *)
LEMMA RefStopped == ASSUME AllInv, Stopped PROVE Contract!Next
<1>1. batch = <<>> /\ Len(batch) = 0 /\ phase = "running" /\ stopping
  BY EmptyFacts DEF AllInv, PhaseInv, Stopped
<1>2. First = Len(accepted) - Len(queue)
  BY <1>1, Numbers DEF First
<1>3. Contract!IterationIsOver
  BY <1>2, PendingIs DEF Contract!IterationIsOver, AllInv, HistoryInv
<1>5. Contract!Return
  BY <1>1, <1>3 DEF Contract!Return, Stopped
<1> QED BY <1>5 DEF Contract!Next

(* Close is Close: what is queued and not cancelled is just what is pending. *)
LEMMA RefClose == ASSUME AllInv, Close PROVE Contract!Next
<1>1. batch = <<>> /\ Len(batch) = 0 /\ phase = "idle" /\ ~closed /\ dropped = {}
  BY EmptyFacts DEF AllInv, PhaseInv, Close, HistoryInv
<1>2. First = Len(accepted) - Len(queue)
  BY <1>1, Numbers DEF First
<1>3. \A i \in 1..Len(queue) : queue[i] = accepted[First + i] /\ First + i \in 1..Len(accepted) /\ First + i > First
  BY <1>1, <1>2, Numbers DEF AllInv, HistoryInv
<1>4. ASSUME NEW c \in Range(queue) PROVE c \in Range(accepted) /\ c \notin Range(ran)
  <2>1. PICK i \in 1..Len(queue) : queue[i] = c BY Numbers, SeqFacts
  <2> QED BY <2>1, <1>3, Numbers DEF AllInv, HistoryInv
<1>5. ASSUME NEW c \in Range(accepted), c \notin Range(queue) PROVE Settled(c)
  <2>1. PICK i \in 1..Len(accepted) : accepted[i] = c BY Numbers, SeqFacts
  <2>2. CASE i > First
    <3>1. i - First \in 1..Len(queue) /\ queue[i - First] = accepted[First + (i - First)] /\ First + (i - First) = i
      BY <2>2, <1>2, <1>3, Numbers
    <3> QED BY <3>1, <2>1, <1>5, Numbers, SeqFacts
  <2>3. CASE ~(i > First)
    <3>1. i \in 1..First BY <2>3, Numbers
    <3> QED BY <3>1, <2>1 DEF AllInv, HistoryInv
  <2> QED BY <2>2, <2>3
<1>6. \A c : c \in Range(queue) \ cancelled <=> c \in Range(accepted) /\ ~Settled(c)
  BY <1>1, <1>4, <1>5 DEF Settled
<1>7. dropped' = {c \in Contract!Range(accepted) : Contract!Pending(c)}
  BY <1>6, PendingIs, RangeIs DEF Close
<1>8. Len(accepted') - Len(queue') = Len(accepted)
  BY Numbers, EmptyFacts DEF Close
<1>9. Contract!Close
  BY <1>1, <1>7, <1>8, Numbers, EmptyFacts DEF Contract!Close, Close
<1> QED BY <1>9 DEF Contract!Next

(* All the others are steps that the contract cannot see. *)
LEMMA NextRefines == AllInv /\ [Next]_vars => [Contract!Next]_(Contract!vars)
<1> SUFFICES ASSUME AllInv, [Next]_vars PROVE [Contract!Next]_(Contract!vars)
  OBVIOUS
<1>1. ASSUME NEW t \in Threads, Notify(t) \/ Unlock(t) PROVE UNCHANGED Contract!vars
  BY <1>1, Unseen DEF Notify, Unlock, shared, history
<1>2. ASSUME Sleep \/ SpuriousWakeup \/ Timeout \/ Wake \/ Terminating \/ UNCHANGED vars PROVE UNCHANGED Contract!vars
  BY <1>2, Unseen DEF Sleep, SpuriousWakeup, Timeout, Wake, Terminating, vars, shared, history
<1> QED
  BY <1>1, <1>2, RefLock, RefEnqueue, RefRefuse, RefStop, RefTake, RefRun, RefStopped, RefClose, RefCancel DEF Next

(* The invariants that this rests on are inductive together. *)
LEMMA AllInvHolds == Steps => []AllInv
<1>1. Init => AllInv BY InitTypeInv, InitPhase, InitHistory DEF AllInv
<1>2. AllInv /\ [Next]_vars => AllInv' BY NextTypeInv, NextPhase, NextHistory DEF AllInv
<1> QED BY <1>1, <1>2, PTL DEF Steps

(* CondvarLoop keeps the safety of the contract. *)
THEOREM Refinement == Steps => RefinesEventLoop
  BY InitRefines, NextRefines, AllInvHolds, PTL DEF Steps, RefinesEventLoop

(* A callback that was accepted stands at some place. Up to First it is
   settled; beyond, it is in the batch or in the queue. *)
LEMMA NothingLostHolds == AllInv => NothingLost
<1> SUFFICES ASSUME AllInv PROVE NothingLost
  OBVIOUS
<1>1. ASSUME NEW c \in Range(accepted)
      PROVE  c \in Range(ran) \union cancelled \union dropped \union Range(batch) \union Range(queue)
  <2>1. PICK i \in 1..Len(accepted) : accepted[i] = c BY Numbers, SeqFacts
  <2>2. CASE i \in 1..First BY <2>1, <2>2 DEF AllInv, HistoryInv, Settled
  <2>3. CASE i - First \in 1..Len(batch)
    <3>1. batch[i - First] = c BY <2>1, <2>3, Numbers DEF AllInv, HistoryInv
    <3> QED BY <3>1, <2>3, Numbers, SeqFacts
  <2>4. CASE i - First - Len(batch) \in 1..Len(queue)
    <3>1. queue[i - First - Len(batch)] = c BY <2>1, <2>4, Numbers DEF AllInv, HistoryInv
    <3> QED BY <3>1, <2>4, Numbers, SeqFacts
  <2> QED BY <2>2, <2>3, <2>4, Numbers
<1>2. ASSUME NEW c \in Range(batch) PROVE c \in Range(accepted)
  <2>1. PICK i \in 1..Len(batch) : batch[i] = c BY Numbers, SeqFacts
  <2>2. First + i \in 1..Len(accepted) /\ accepted[First + i] = c BY <2>1, Numbers DEF AllInv, HistoryInv
  <2> QED BY <2>2, Numbers
<1>3. ASSUME NEW c \in Range(queue) PROVE c \in Range(accepted)
  <2>1. PICK i \in 1..Len(queue) : queue[i] = c BY Numbers, SeqFacts
  <2>2. First + Len(batch) + i \in 1..Len(accepted) /\ accepted[First + Len(batch) + i] = c BY <2>1, Numbers DEF AllInv, HistoryInv
  <2> QED BY <2>2, Numbers
<1> QED BY <1>1, <1>2, <1>3 DEF NothingLost, AllInv, HistoryInv

THEOREM NothingIsLost == Steps => []NothingLost
  BY AllInvHolds, NothingLostHolds, PTL
=============================================================================
