------------------------- MODULE CondvarLoopStranded -------------------------
(***************************************************************************)
(* The unsafe variant is not saved. Five steps from the beginning a        *)
(* callback is stranded: it is in the queue, the loop waits, and nobody is *)
(* about to notify. From then on only the environment helps: the condvar   *)
(* wakes the loop for no reason, a wait times out, or a thread asks the    *)
(* loop to stop. Where there is none of these, the callback is stranded    *)
(* for ever, whatever else is submitted.                                   *)
(***************************************************************************)
EXTENDS CondvarLoopMutex

Stranded ==
    /\ pc[Loop] = "waiting"
    /\ queue # <<>>
    /\ \A t \in Threads : pc[t] # "notify"

(* A state in which nobody but the loop and one submitter, s, has done
   anything yet: the values of all variables. *)
Moment(s, mutex, queued, flag, waiters, loop, thread, count, stage) ==
    /\ holder = mutex
    /\ queue = queued
    /\ asleep = flag
    /\ stopping = FALSE
    /\ closed = FALSE
    /\ waitSet = waiters
    /\ pc = [t \in Threads |-> IF t = Loop THEN loop ELSE IF t = s THEN thread ELSE "ready"]
    /\ submitted = [t \in Threads |-> IF t = s THEN count ELSE 0]
    /\ batch = <<>>
    /\ accepted = queued
    /\ ran = <<>>
    /\ refused = {}
    /\ cancelled = {}
    /\ dropped = {}
    /\ phase = stage

(* The behaviour, written out. *)
Callback(s) == <<s, 1>>
Before(s)   == Moment(s, Nobody, <<>>, FALSE, {}, "idle", "ready", 0, "idle")
Looked(s)   == Moment(s, Loop, <<>>, FALSE, {}, "sleep", "ready", 0, "started")
Waits(s)    == Moment(s, Nobody, <<>>, TRUE, {Loop}, "waiting", "ready", 0, "started")
Inside(s)   == Moment(s, s, <<>>, TRUE, {Loop}, "waiting", "submit", 0, "started")
Enqueued(s) == Moment(s, s, <<Callback(s)>>, TRUE, {Loop}, "waiting", "unlock", 1, "started")
Left(s)     == Moment(s, Nobody, <<Callback(s)>>, TRUE, {Loop}, "waiting",
                      IF 1 < CallbacksEach THEN "ready" ELSE "done", 1, "started")

(* Each of these states is followed by the next in a step of the protocol. The
   first is the initial state, and in the last the callback is stranded. *)
THEOREM UnsafeStrands ==
    ASSUME ~Wakes, NEW s \in Submitters
    PROVE  /\ Init <=> Before(s)
           /\ Before(s) /\ Looked(s)' => Lock(Loop)
           /\ Looked(s) /\ Waits(s)' => Sleep
           /\ Waits(s) /\ Inside(s)' => Lock(s)
           /\ Inside(s) /\ Enqueued(s)' => Enqueue(s)
           /\ Enqueued(s) /\ Left(s)' => Unlock(s)
           /\ Left(s) => Stranded
<1>0. s \in Threads /\ s # Loop /\ s \notin Stoppers /\ s # Nobody /\ Loop \in Threads
  BY ThreadFacts
<1>q. Quota(s) = CallbacksEach /\ CallbacksEach \in Nat /\ 0 < CallbacksEach
  BY <1>0, Constants DEF Quota
<1> USE <1>0 DEF Moment, shared, history, Goto
<1>1. Init <=> Before(s)
  BY DEF Init, Before
<1>2. Before(s) /\ Looked(s)' => Lock(Loop)
  BY DEF Before, Looked, Lock, FirstLook, NothingToDo
<1>3. Looked(s) /\ Waits(s)' => Sleep
  BY DEF Looked, Waits, Sleep
<1>4. Waits(s) /\ Inside(s)' => Lock(s)
  BY DEF Waits, Inside, Lock
<1>5. Inside(s) /\ Enqueued(s)' => Enqueue(s)
  BY DEF Inside, Enqueued, Enqueue, Upcoming, Callback
<1>6. Enqueued(s) /\ Left(s)' => Unlock(s)
  BY <1>q DEF Enqueued, Left, Unlock
<1>7. Left(s) => Stranded
  BY DEF Left, Stranded
<1> QED BY <1>1, <1>2, <1>3, <1>4, <1>5, <1>6, <1>7

(* No step of the protocol leads out of it: another submission enqueues one
   callback more, and goes away as silently. *)
LEMMA StaysStranded ==
    ASSUME ~Wakes, TypeInv, Stranded, [Next]_vars
    PROVE  Stranded' \/ SpuriousWakeup \/ Timeout \/ \E t \in Others : Stop(t)
<1>0. /\ pc \in [Threads -> AllLabels]
      /\ queue \in Seq(Callbacks)
      /\ pc[Loop] = "waiting"
  BY DEF TypeInv, Stranded
<1> USE <1>0, ThreadFacts DEF Stranded, shared, history, Goto
<1>1. ASSUME NEW t \in Threads, Lock(t) PROVE Stranded'
  <2>0. t # Loop BY <1>1 DEF Lock, Iterating, AtLarge
  <2>1. pc[t] = "ready" /\ t # Loop
    BY <1>1, <2>0 DEF Lock, Iterating, AtLarge, TypeInv, OtherLabels
  <2> QED BY <1>1, <2>1 DEF Lock, Iterating, AtLarge
<1>2. ASSUME NEW t \in Threads, Enqueue(t) PROVE Stranded'
  <2>1. t # Loop /\ pc' = [pc EXCEPT ![t] = "unlock"] BY <1>2 DEF Enqueue
  <2>2. Upcoming(t) \in Callbacks BY <1>2, UpcomingIsCallback DEF Enqueue
  <2>3. queue' # <<>> BY <1>2, <2>2 DEF Enqueue
  <2> QED BY <2>1, <2>3
<1>3. ASSUME NEW t \in Threads, Refuse(t) PROVE Stranded'
  BY <1>3 DEF Refuse
<1>4. ASSUME NEW t \in Threads, Notify(t) PROVE FALSE
  BY <1>4 DEF Notify
<1>5. ASSUME NEW t \in Threads, Stop(t) PROVE t \in Others
  BY <1>5 DEF Stop
<1>6. ASSUME NEW t \in Threads, Unlock(t) PROVE Stranded'
  <2>1. t # Loop BY <1>6 DEF Unlock
  <2>2. pc[t] = "unlock" BY <1>6, <2>1 DEF Unlock, TypeInv, OtherLabels
  <2>3. \E label \in {"ready", "done"} : pc' = [pc EXCEPT ![t] = label]
    BY <1>6, <2>1, <2>2 DEF Unlock
  <2> QED BY <1>6, <2>1, <2>3 DEF Unlock
<1>7. ASSUME Sleep \/ Wake \/ Take \/ Run \/ Stopped \/ Close PROVE FALSE
  BY <1>7 DEF Sleep, Wake, Take, Run, Stopped, Close, Iterating
<1>8. CASE (\E c \in Callbacks : Cancel(c)) \/ Terminating \/ UNCHANGED vars
  BY <1>8 DEF Cancel, Terminating, vars
<1> QED BY <1>1, <1>2, <1>3, <1>4, <1>5, <1>6, <1>7, <1>8 DEF Next

THEOREM UnsafeIsNotSaved ==
    ASSUME ~Wakes
    PROVE  Spec => [][Stranded =>
               Stranded' \/ SpuriousWakeup \/ Timeout \/ \E t \in Others : Stop(t)]_vars
<1>1. TypeInv /\ [Next]_vars =>
          [Stranded => Stranded' \/ SpuriousWakeup \/ Timeout \/ \E t \in Others : Stop(t)]_vars
  BY StaysStranded
<1> QED BY <1>1, TypeInvHolds, PTL DEF Spec

(* Only a stopper comes to the label at which the loop is asked to stop. *)
StopInv == \A t \in Others : pc[t] = "stop" => t \in Stoppers

LEMMA InitStop == Init => StopInv
  BY ThreadFacts DEF Init, StopInv

LEMMA NextStop == TypeInv /\ StopInv /\ [Next]_vars => StopInv'
<1> SUFFICES ASSUME TypeInv, StopInv, [Next]_vars, NEW u \in Others
             PROVE  pc'[u] = "stop" => u \in Stoppers
  BY DEF StopInv
<1>0. /\ pc \in [Threads -> AllLabels]
      /\ waitSet \subseteq {Loop}
      /\ pc[u] = "stop" => u \in Stoppers
      /\ pc[u] \in OtherLabels
      /\ u \in Threads /\ u # Loop
  BY ThreadFacts DEF TypeInv, StopInv
<1> USE <1>0, ThreadFacts DEF Goto
<1>1. ASSUME NEW t \in Threads, Lock(t) PROVE pc'[u] = "stop" => u \in Stoppers
  BY <1>1 DEF Lock, OtherLabels, Iterating, AtLarge
<1>2. ASSUME NEW t \in Threads, Enqueue(t) \/ Refuse(t) \/ Notify(t) \/ Stop(t)
      PROVE  pc'[u] = "stop" => u \in Stoppers
  BY <1>2 DEF Enqueue, Refuse, Notify, Stop
<1>3. ASSUME NEW t \in Threads, Unlock(t) PROVE pc'[u] = "stop" => u \in Stoppers
  <2>1. CASE t # u BY <1>3, <2>1 DEF Unlock
  <2>2. CASE t = u
    <3>1. pc[t] = "unlock" BY <1>3, <2>2 DEF Unlock, OtherLabels
    <3> QED BY <1>3, <2>2, <3>1 DEF Unlock
  <2> QED BY <2>1, <2>2
<1>4. CASE Sleep \/ SpuriousWakeup \/ Timeout \/ Wake \/ Take \/ Run \/ Stopped \/ Close
  BY <1>4 DEF Sleep, SpuriousWakeup, Timeout, Wake, Take, Run, Stopped, Close
<1>5. CASE (\E c \in Callbacks : Cancel(c)) \/ Terminating \/ UNCHANGED vars
  BY <1>5 DEF Cancel, Terminating, vars
<1> QED BY <1>1, <1>2, <1>3, <1>4, <1>5 DEF Next

(* Where the condvar wakes nobody for no reason, no wait times out and nobody
   asks the loop to stop, a stranded callback is stranded for ever. *)
THEOREM StrandedForEver ==
    ASSUME ~Wakes, ~SpuriousWakeups, ~TimedWaits, Stoppers = {}
    PROVE  Spec => [](Stranded => []Stranded)
<1>1. TypeInv /\ StopInv /\ Stranded /\ [Next]_vars => Stranded'
  <2> SUFFICES ASSUME TypeInv, StopInv, Stranded, [Next]_vars PROVE Stranded'
    OBVIOUS
  <2>1. ASSUME NEW t \in Others, Stop(t) PROVE FALSE
    BY <2>1 DEF Stop, StopInv
  <2> QED BY <2>1, StaysStranded DEF SpuriousWakeup, Timeout
<1> QED
  BY <1>1, TypeInvHolds, InitTypeInv, NextTypeInv, InitStop, NextStop, PTL DEF Spec
=============================================================================
