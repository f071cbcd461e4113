-------------------------- MODULE EventLoopLiveness --------------------------
(***************************************************************************)
(* The contract's liveness: fairness asks the loop for its next step as    *)
(* long as a callback is pending or a stop is. That is enough for every    *)
(* callback to be settled, and for every request to stop to be honoured.   *)
(*                                                                         *)
(* Both arguments are a number that each step of the loop makes smaller    *)
(* and no other step makes larger.                                         *)
(***************************************************************************)
EXTENDS EventLoopEnabled

(* What every step leaves alone: a callback keeps its place, what is settled
   stays settled, and the snapshot does not shrink. *)
LEMMA PlacesStay ==
    ASSUME EventInv, [Next]_vars, NEW i \in 1..Len(accepted)
    PROVE  /\ i \in 1..Len(accepted')
           /\ accepted'[i] = accepted[i]
           /\ ~Pending(accepted[i]) => ~Pending(accepted[i])'
<1>0. accepted \in Seq(Callbacks) /\ Len(accepted) \in Nat
  BY DEF EventInv, TypeInv
<1>1. i \in 1..Len(accepted') /\ accepted'[i] = accepted[i]
  <2>1. ASSUME NEW c \in Callbacks, Submit(c) PROVE i \in 1..Len(accepted') /\ accepted'[i] = accepted[i]
    BY <2>1, <1>0, RangeFacts DEF Submit
  <2>2. CASE accepted' = accepted BY <2>2
  <2> QED
    BY <2>1, <2>2 DEF Next, Refuse, Cancel, Stop, Start, Iterate, Run, Return,
                      Close, Terminating, vars
<1>2. accepted[i] \in Range(accepted)
  BY <1>0, RangeFacts
<1>3. ASSUME NEW c, c = accepted[i], ~Pending(c) PROVE ~Pending(c)'
  BY <1>2, <1>3, PendingStays DEF EventInv
<1> QED BY <1>1, <1>3 DEF Pending

-----------------------------------------------------------------------------
(* Callback c was accepted as the i-th and is pending. *)
Due(c, i) ==
    /\ i \in 1..Len(accepted)
    /\ accepted[i] = c
    /\ Pending(c)

(* What is pending up to there. *)
Before(i) == {j \in 1..i : Pending(accepted[j])}

(* How many that are, and how far the loop is from an iteration that covers the
   i-th. *)
Distance(i) ==
    4 * Cardinality(Before(i)) +
        (IF i <= snapshot THEN 0
         ELSE IF phase = "running" THEN 3
         ELSE IF phase = "idle" THEN 2 ELSE 1)

LEMMA BeforeIsFinite ==
    ASSUME NEW i \in Nat
    PROVE  IsFiniteSet(Before(i)) /\ Cardinality(Before(i)) \in Nat
<1>1. IsFiniteSet(1..i) BY IntervalIsFinite
<1>2. Before(i) \subseteq 1..i BY DEF Before
<1> QED BY <1>1, <1>2, SubsetIsSmaller

(* No step makes the set larger; a step that settles a callback in it makes it
   smaller. *)
LEMMA BeforeShrinks ==
    ASSUME EventInv, [Next]_vars, NEW i \in 1..Len(accepted)
    PROVE  /\ Cardinality(Before(i)) \in Nat
           /\ Cardinality(Before(i))' \in Nat
           /\ Cardinality(Before(i))' <= Cardinality(Before(i))
           /\ \A j \in 1..i : Pending(accepted[j]) /\ ~Pending(accepted[j])'
                => Cardinality(Before(i))' < Cardinality(Before(i))
<1>0. i \in Nat /\ Len(accepted) \in Nat
  BY DEF EventInv, TypeInv
<1>1. Before(i)' \subseteq Before(i)
  <2> SUFFICES ASSUME NEW j \in 1..i, Pending(accepted[j])' PROVE Pending(accepted[j])
    BY DEF Before
  <2>1. j \in 1..Len(accepted) BY <1>0
  <2> QED BY <2>1, PlacesStay
<1>2. \A j \in 1..i : Pending(accepted[j]) /\ ~Pending(accepted[j])' => Before(i)' # Before(i)
  BY DEF Before
<1> QED BY <1>0, <1>1, <1>2, BeforeIsFinite, SubsetIsSmaller

LEMMA DistanceIsNat ==
    ASSUME NEW c, NEW i
    PROVE  /\ EventInv /\ Due(c, i) => Distance(i) \in Nat
           /\ EventInv' /\ Due(c, i)' => Distance(i)' \in Nat
<1>1. EventInv /\ Due(c, i) => Distance(i) \in Nat
  <2> SUFFICES ASSUME EventInv, Due(c, i) PROVE Distance(i) \in Nat
    OBVIOUS
  <2>1. i \in Nat BY DEF Due, EventInv, TypeInv
  <2> QED BY <2>1, BeforeIsFinite DEF Distance
<1>2. (EventInv /\ Due(c, i) => Distance(i) \in Nat)'
  BY <1>1, PTL
<1> QED BY <1>1, <1>2

(* No step of another thread makes it further. *)
LEMMA NoFurther ==
    ASSUME EventInv, EventInv', NEW c, NEW i, Due(c, i), [Next]_vars
    PROVE  ~Pending(c)' \/ (Due(c, i)' /\ Distance(i)' <= Distance(i))
<1>1. i \in 1..Len(accepted) /\ i \in Nat /\ accepted[i] = c /\ Pending(c)
  BY DEF Due, EventInv, TypeInv
<1>2. ~Pending(c)' \/ Due(c, i)'
  BY <1>1, PlacesStay DEF Due
<1>3. /\ Cardinality(Before(i)) \in Nat /\ Cardinality(Before(i))' \in Nat
      /\ Cardinality(Before(i))' <= Cardinality(Before(i))
  BY <1>1, BeforeShrinks
<1>4. snapshot \in Nat /\ snapshot' \in Nat /\ Len(accepted) \in Nat
      /\ phase \in {"idle", "started", "running", "closed"}
  BY DEF EventInv, TypeInv
<1>5. phase # "closed" BY <1>1 DEF EventInv, FateInv, Pending
<1>6. CASE snapshot' = snapshot /\ phase' = phase
  BY <1>1, <1>2, <1>3, <1>4, <1>6 DEF Distance
<1>7. CASE snapshot' = Len(accepted)
  BY <1>1, <1>2, <1>3, <1>4, <1>7 DEF Distance
<1>8. CASE phase = "idle" /\ phase' = "started" /\ snapshot' = snapshot
  BY <1>1, <1>2, <1>3, <1>4, <1>8 DEF Distance
<1>9. CASE phase = "running" /\ phase' = "idle" /\ snapshot' = snapshot
  BY <1>1, <1>2, <1>3, <1>4, <1>9 DEF Distance
<1> QED
  BY <1>6, <1>7, <1>8, <1>9 DEF Next, Submit, Refuse, Cancel, Stop, Start, Iterate, Run, Return,
     Close, Terminating, vars

(* Each step of the loop makes it nearer. *)
LEMMA OneStepNearer ==
    ASSUME EventInv, EventInv', NEW c, NEW i, Due(c, i), Owner
    PROVE  ~Pending(c)' \/ (Due(c, i)' /\ Distance(i)' < Distance(i))
<1>0. Next BY DEF Owner, Next
<1>1. /\ i \in 1..Len(accepted) /\ i \in Nat /\ accepted[i] = c /\ Pending(c)
  BY DEF Due, EventInv, TypeInv
<1>2. ~Pending(c)' \/ Due(c, i)'
  BY <1>0, <1>1, PlacesStay DEF Due
<1>3. /\ Cardinality(Before(i)) \in Nat /\ Cardinality(Before(i))' \in Nat
      /\ Cardinality(Before(i))' <= Cardinality(Before(i))
  BY <1>0, <1>1, BeforeShrinks
<1>4. /\ snapshot \in Nat /\ snapshot' \in Nat /\ Len(accepted) \in Nat
      /\ accepted \in Seq(Callbacks) /\ ran \in Seq(Callbacks) /\ snapshot <= Len(accepted)
  BY DEF EventInv, TypeInv
<1>5. IterationIsOver => i > snapshot
  BY <1>1, <1>4 DEF IterationIsOver
<1>6. phase \in {"idle", "started"} => i > snapshot
  BY <1>5 DEF EventInv, OverInv
<1>7. CASE Start
  BY <1>1, <1>2, <1>3, <1>4, <1>6, <1>7 DEF Start, Distance
<1>8. CASE Iterate
  BY <1>1, <1>2, <1>3, <1>4, <1>5, <1>8 DEF Iterate, Distance
<1>9. CASE Return
  BY <1>1, <1>2, <1>3, <1>4, <1>5, <1>9 DEF Return, Distance
<1>10. CASE Close
  <2>1. c \in Range(accepted) BY <1>1 DEF Pending
  <2>2. c \in dropped' BY <1>1, <1>10, <2>1 DEF Close
  <2> QED BY <2>2 DEF Pending
<1>11. CASE Run
  <2>1. PICK n \in 1..snapshot : /\ Pending(accepted[n])
                                 /\ \A j \in 1..(n - 1) : ~Pending(accepted[j])
                                 /\ ran' = Append(ran, accepted[n])
    BY <1>11 DEF Run
  <2>2. n \in 1..i
    <3> SUFFICES ASSUME n > i PROVE FALSE
      BY <1>1, <1>4, <2>1
    <3>1. i \in 1..(n - 1) BY <1>1, <1>4
    <3> QED BY <1>1, <2>1, <3>1
  <2>3. n \in 1..Len(accepted) /\ accepted[n] \in Callbacks BY <1>4, <2>1
  <2>4. ~Pending(accepted[n])'
    BY <1>4, <1>11, <2>1, <2>3, RangeFacts DEF Run, Pending
  <2>5. Cardinality(Before(i))' < Cardinality(Before(i))
    BY <1>0, <1>1, <2>1, <2>2, <2>4, BeforeShrinks
  <2>6. snapshot' = snapshot /\ phase' = phase BY <1>11 DEF Run
  <2> QED BY <1>1, <1>2, <1>3, <1>4, <2>5, <2>6 DEF Distance
<1> QED BY <1>7, <1>8, <1>9, <1>10, <1>11 DEF Owner

(* And as long as the callback is pending, the loop can take a step. *)
LEMMA StepIsThere ==
    ASSUME Wakes, NEW c, NEW i
    PROVE  EventInv /\ Due(c, i) => ENABLED <<Owner>>_vars
<1> SUFFICES ASSUME EventInv, Due(c, i) PROVE ENABLED StepOwner
  BY DEF StepOwner
<1>1. /\ i \in 1..Len(accepted) /\ accepted[i] = c /\ Pending(c)
      /\ snapshot \in Nat /\ Len(accepted) \in Nat /\ snapshot <= Len(accepted)
      /\ phase \in {"idle", "started", "running", "closed"}
      /\ DOMAIN accepted = 1..Len(accepted)
  BY RangeFacts DEF Due, EventInv, TypeInv
<1>2. phase # "closed" BY <1>1 DEF EventInv, FateInv, Pending
<1>3. IterationIsOver => i > snapshot /\ CalledFor
  BY <1>1 DEF IterationIsOver, CalledFor
<1>4. phase = "started" => IterationIsOver BY DEF EventInv, OverInv
<1>5. IterationIsOver => snapshot # Len(accepted) BY <1>1, <1>3
<1> QED BY <1>1, <1>2, <1>3, <1>4, <1>5, StartCan, IterateCan, ReturnCan, RunCan

-----------------------------------------------------------------------------
Near(c, i, n) == Due(c, i) /\ Distance(i) < n

Arrives(c, i, n) == Spec => [](Near(c, i, n) => <>~Pending(c))

LEMMA NothingIsNearerThanZero == \A c : \A i : Arrives(c, i, 0)
<1> SUFFICES ASSUME NEW c, NEW i PROVE Arrives(c, i, 0)
  OBVIOUS
<1>1. EventInv => ~Near(c, i, 0)
  BY DistanceIsNat DEF Near
<1>2. Spec => [](Near(c, i, 0) => <>~Pending(c))
  BY <1>1, EventInvHolds, PTL
<1> QED BY <1>2 DEF Arrives

LEMMA OneFurtherArrives ==
    ASSUME Wakes, NEW c, NEW i, NEW n \in Nat
    PROVE  Arrives(c, i, n) => Arrives(c, i, n + 1)
<1> DEFINE Further == Near(c, i, n + 1)
           Nearer == Near(c, i, n)
           There == ~Pending(c)
<1>1. EventInv /\ EventInv' /\ Further /\ [Next]_vars => Further' \/ There'
  BY NoFurther, DistanceIsNat DEF Near
<1>2. EventInv /\ EventInv' /\ Further /\ <<Owner>>_vars => Nearer' \/ There'
  BY OneStepNearer, DistanceIsNat DEF Near
<1>3. EventInv /\ Further => ENABLED <<Owner>>_vars
  BY StepIsThere DEF Near
<1>4. Spec => []EventInv /\ [][Next]_vars /\ WF_vars(Owner)
  BY EventInvHolds, PTL DEF Spec, Fairness
<1> HIDE DEF Further, Nearer, There
<1>5. Spec /\ [](Nearer => <>There) => [](Further => <>There)
  BY <1>1, <1>2, <1>3, <1>4, PTL
<1> QED BY <1>5, PTL DEF Arrives, Further, Nearer, There

LEMMA PendingIsSettled == ASSUME Wakes, NEW c PROVE Spec => (Pending(c) ~> ~Pending(c))
<1>1. \A i \in Nat : \A n \in Nat : Arrives(c, i, n)
  <2> SUFFICES ASSUME NEW i \in Nat PROVE \A n \in Nat : Arrives(c, i, n)
    OBVIOUS
  <2>1. \A n \in Nat : Arrives(c, i, n) => Arrives(c, i, n + 1)
    BY OneFurtherArrives
  <2> DEFINE Which == [n \in Nat |-> Arrives(c, i, n)]
  <2>2. Which \/ ~Which
    <3> HIDE DEF Which
    <3> QED OBVIOUS
  <2>3. \E f : \A n \in Nat : f[n] <=> Arrives(c, i, n)
    BY <2>2
  <2> QED BY <2>1, <2>3, NothingIsNearerThanZero, Induction
<1>2. Spec => \A i \in Nat : \A n \in Nat : [](Near(c, i, n) => <>~Pending(c))
  BY <1>1 DEF Arrives
<1>3. (\A i \in Nat : \A n \in Nat : [](Near(c, i, n) => <>~Pending(c)))
        => [](\A i \in Nat : \A n \in Nat : (Near(c, i, n) => <>~Pending(c)))
  OBVIOUS
<1>4. (\A i \in Nat : \A n \in Nat : (Near(c, i, n) => <>~Pending(c)))
        => ((\E i \in Nat : \E n \in Nat : Near(c, i, n)) => <>~Pending(c))
  OBVIOUS
<1>5. EventInv /\ Pending(c) => \E i \in Nat : \E n \in Nat : Near(c, i, n)
  <2> SUFFICES ASSUME EventInv, Pending(c) PROVE \E i \in Nat : \E n \in Nat : Near(c, i, n)
    OBVIOUS
  <2>1. PICK i \in 1..Len(accepted) : accepted[i] = c
    BY RangeFacts DEF EventInv, TypeInv, Pending
  <2>2. Due(c, i) BY <2>1 DEF Due
  <2>3. i \in Nat /\ Distance(i) \in Nat BY <2>1, <2>2, DistanceIsNat DEF EventInv, TypeInv
  <2>4. Distance(i) + 1 \in Nat /\ Distance(i) < Distance(i) + 1 BY <2>3
  <2> QED BY <2>2, <2>3, <2>4 DEF Near
<1> QED BY <1>2, <1>3, <1>4, <1>5, EventInvHolds, PTL

(* Every accepted callback is settled, whatever the set of callbacks is, with
   PromptStop or without. *)
THEOREM Settled == ASSUME Wakes PROVE Spec => EveryCallbackIsSettled
  BY PendingIsSettled DEF EveryCallbackIsSettled

-----------------------------------------------------------------------------
(* A request to stop. Without PromptStop, the loop may begin iterations before it
   returns, one for each callback that somebody submits meanwhile: so there must
   be finitely many. *)
Heard == ~stopping \/ phase = "closed"

Unaccepted == Callbacks \ Range(accepted)
AllPending == {c \in Callbacks : Pending(c)}

(* What may still be submitted, what is pending, what the iterations do not
   cover yet, and the way into an iteration. *)
ToGo ==
    3 * Cardinality(Unaccepted) + Cardinality(AllPending) + (Len(accepted) - snapshot)
        + (IF phase = "idle" THEN 2 ELSE IF phase = "started" THEN 1 ELSE 0)

LEMMA ToGoIsNat ==
    ASSUME IsFiniteSet(Callbacks)
    PROVE  /\ EventInv => ToGo \in Nat
           /\ EventInv' => ToGo' \in Nat
<1>1. EventInv => ToGo \in Nat
  <2> SUFFICES ASSUME EventInv PROVE ToGo \in Nat
    OBVIOUS
  <2>1. Unaccepted \subseteq Callbacks /\ AllPending \subseteq Callbacks
    BY DEF Unaccepted, AllPending
  <2>2. Cardinality(Unaccepted) \in Nat /\ Cardinality(AllPending) \in Nat
    BY <2>1, SubsetIsSmaller
  <2>3. Len(accepted) \in Nat /\ snapshot \in 0..Len(accepted)
    BY DEF EventInv, TypeInv
  <2> QED BY <2>2, <2>3 DEF ToGo
<1>2. (EventInv => ToGo \in Nat)'
  BY <1>1, PTL
<1> QED BY <1>1, <1>2

(* No step makes it more: a submission costs three and brings two, a callback
   that is pending and one that the iterations do not cover. And each step of the
   loop makes it less. Run settles a callback, Iterate covers what has been
   accepted, or brings the loop into a run. *)
LEMMA EveryStepCounts ==
    ASSUME IsFiniteSet(Callbacks), EventInv, EventInv', Next, ~Heard, ~Heard', vars' # vars
    PROVE  ToGo' <= ToGo /\ (Owner => ToGo' < ToGo)
<1> DEFINE U == Cardinality(Unaccepted)
           P == Cardinality(AllPending)
<1>0. /\ accepted \in Seq(Callbacks) /\ ran \in Seq(Callbacks)
      /\ Len(accepted) \in Nat /\ snapshot \in 0..Len(accepted)
      /\ Len(accepted)' \in Nat /\ snapshot' \in 0..Len(accepted')
      /\ phase \in {"idle", "started", "running"}
      /\ phase' \in {"idle", "started", "running"}
      /\ stopping
  BY DEF EventInv, TypeInv, Heard
<1>1. /\ Unaccepted \subseteq Callbacks /\ Unaccepted' \subseteq Callbacks
      /\ AllPending \subseteq Callbacks /\ AllPending' \subseteq Callbacks
  BY DEF Unaccepted, AllPending
<1>2. /\ IsFiniteSet(Unaccepted) /\ IsFiniteSet(Unaccepted')
      /\ IsFiniteSet(AllPending) /\ IsFiniteSet(AllPending')
      /\ U \in Nat /\ U' \in Nat /\ P \in Nat /\ P' \in Nat
  BY <1>1, SubsetIsSmaller
<1>3. ASSUME NEW c \in Callbacks, Submit(c) PROVE ToGo' < ToGo
  <2>1. Range(accepted') = Range(accepted) \union {c} /\ Len(accepted') = Len(accepted) + 1
        /\ c \notin Range(accepted)
    BY <1>0, <1>3, RangeFacts DEF Submit
  <2>2. Unaccepted' \subseteq Unaccepted /\ c \in Unaccepted /\ c \notin Unaccepted'
    BY <2>1 DEF Unaccepted
  <2>3. U' < U
    BY <1>2, <2>2, SubsetIsSmaller
  <2>4. AllPending' \subseteq AllPending \union {c}
    BY <1>3, <2>1 DEF AllPending, Pending, Submit
  <2>5. P' <= P + 1
    BY <1>2, <2>4, OneMore
  <2>6. snapshot' = snapshot /\ phase' = phase
    BY <1>3 DEF Submit
  <2> HIDE DEF U, P
  <2>7. ToGo = 3 * U + P + (Len(accepted) - snapshot)
              + (IF phase = "idle" THEN 2 ELSE IF phase = "started" THEN 1 ELSE 0)
    BY DEF ToGo, U, P
  <2>8. ToGo' = 3 * U' + P' + (Len(accepted') - snapshot')
              + (IF phase' = "idle" THEN 2 ELSE IF phase' = "started" THEN 1 ELSE 0)
    BY DEF ToGo, U, P
  <2> QED BY <1>0, <1>2, <2>1, <2>3, <2>5, <2>6, <2>7, <2>8
<1>4. ASSUME accepted' = accepted
      PROVE  /\ U' = U
             /\ AllPending' \subseteq AllPending
             /\ P' <= P
             /\ AllPending' # AllPending => P' < P
  <2>1. Unaccepted' = Unaccepted BY <1>4 DEF Unaccepted
  <2>2. AllPending' \subseteq AllPending
    <3> SUFFICES ASSUME NEW c \in Callbacks, Pending(c)', ~Pending(c) PROVE FALSE
      BY DEF AllPending
    <3>1. c \in Range(accepted) BY <1>4 DEF Pending
    <3> QED BY <3>1, PendingStays DEF EventInv
  <2> QED BY <1>2, <2>1, <2>2, SubsetIsSmaller
<1> HIDE DEF U, P
<1>5. /\ ToGo = 3 * U + P + (Len(accepted) - snapshot)
              + (IF phase = "idle" THEN 2 ELSE IF phase = "started" THEN 1 ELSE 0)
      /\ ToGo' = 3 * U' + P' + (Len(accepted') - snapshot')
              + (IF phase' = "idle" THEN 2 ELSE IF phase' = "started" THEN 1 ELSE 0)
  BY DEF ToGo, U, P
<1>6. ASSUME NEW c \in Callbacks, Refuse(c) \/ Cancel(c) PROVE ToGo' <= ToGo /\ ~Owner
  <2>1. accepted' = accepted /\ snapshot' = snapshot /\ phase' = phase /\ ran' = ran
        /\ stopping' = stopping /\ dropped' = dropped
    BY <1>6 DEF Refuse, Cancel
  <2>2. ToGo' <= ToGo BY <1>0, <1>2, <1>4, <1>5, <2>1
  <2>3. CASE ~Owner BY <2>2, <2>3
  <2>4. CASE Owner
    <3>1. cancelled' = cancelled /\ refused' = refused
      BY <2>4 DEF Owner, Start, Iterate, Run, Return, Close
    <3> QED BY <2>1, <3>1 DEF vars
  <2> QED BY <2>3, <2>4
<1>7. CASE Stop
  <2>1. UNCHANGED vars BY <1>0, <1>7 DEF Stop, vars, EventInv, TypeInv
  <2> QED BY <2>1
<1>8. CASE Start
  <2>1. accepted' = accepted BY <1>8 DEF Start
  <2> QED BY <1>0, <1>2, <1>4, <1>5, <1>8, <2>1 DEF Start
<1>9. CASE Iterate
  <2>1. accepted' = accepted /\ snapshot' = Len(accepted) /\ phase' = "running"
        /\ phase \in {"started", "running"}
    BY <1>9 DEF Iterate
  <2>2. phase = "started" \/ snapshot # Len(accepted)
    BY <1>9, <2>1 DEF Iterate, vars
  <2> QED BY <1>0, <1>2, <1>4, <1>5, <2>1, <2>2
<1>10. CASE Run
  <2>1. accepted' = accepted /\ snapshot' = snapshot /\ phase' = phase
    BY <1>10 DEF Run
  <2>2. PICK n \in 1..snapshot : Pending(accepted[n]) /\ ran' = Append(ran, accepted[n])
    BY <1>10 DEF Run
  <2>3. accepted[n] \in Callbacks BY <1>0, <2>2
  <2>4. accepted[n] \in AllPending /\ accepted[n] \notin AllPending'
    BY <1>0, <2>1, <2>2, <2>3, RangeFacts DEF AllPending, Pending
  <2> QED BY <1>0, <1>2, <1>4, <1>5, <2>1, <2>4
<1>11. CASE Return \/ Close
  BY <1>11 DEF Return, Close, Heard
<1>12. CASE Terminating
  BY <1>0, <1>12 DEF Terminating
<1> QED BY <1>3, <1>6, <1>7, <1>8, <1>9, <1>10, <1>11, <1>12 DEF Next, Owner

(* And as long as it is not heard, the loop can take a step. *)
LEMMA StopStepIsThere == EventInv /\ ~Heard => ENABLED <<Owner>>_vars
<1> SUFFICES ASSUME EventInv, ~Heard PROVE ENABLED StepOwner
  BY DEF StepOwner
<1>1. stopping /\ CalledFor /\ phase \in {"idle", "started", "running"}
  BY DEF Heard, CalledFor, EventInv, TypeInv
<1>2. phase = "started" => IterationIsOver BY DEF EventInv, OverInv
<1> QED BY <1>1, <1>2, StartCan, IterateCan, ReturnCan, RunCan

Comes(n) == Spec => [](~Heard /\ ToGo < n => <>Heard)

LEMMA OneMoreToGo ==
    ASSUME IsFiniteSet(Callbacks), NEW n \in Nat
    PROVE  Comes(n) => Comes(n + 1)
<1> DEFINE Further == ~Heard /\ ToGo < n + 1
           Nearer == ~Heard /\ ToGo < n
           There == Heard
<1>1. EventInv /\ EventInv' /\ Further /\ [Next]_vars => Further' \/ There'
  <2> SUFFICES ASSUME EventInv, EventInv', Further, [Next]_vars PROVE Further' \/ There'
    OBVIOUS
  <2>1. CASE vars' = vars
    <3>1. Unaccepted' = Unaccepted /\ AllPending' = AllPending
      BY <2>1 DEF vars, Unaccepted, AllPending, Pending
    <3>2. ToGo' = ToGo /\ Heard' = Heard
      BY <2>1, <3>1 DEF vars, ToGo, Heard
    <3> QED BY <3>2
  <2>2. CASE vars' # vars
    BY <2>2, EveryStepCounts, ToGoIsNat
  <2> QED BY <2>1, <2>2
<1>2. EventInv /\ EventInv' /\ Further /\ <<Owner>>_vars => Nearer' \/ There'
  <2>1. Owner => Next BY DEF Owner, Next
  <2> QED BY <2>1, EveryStepCounts, ToGoIsNat
<1>3. EventInv /\ Further => ENABLED <<Owner>>_vars
  BY StopStepIsThere
<1>4. Spec => []EventInv /\ [][Next]_vars /\ WF_vars(Owner)
  BY EventInvHolds, PTL DEF Spec, Fairness
<1> HIDE DEF Further, Nearer, There
<1>5. Spec /\ [](Nearer => <>There) => [](Further => <>There)
  BY <1>1, <1>2, <1>3, <1>4, PTL
<1> QED BY <1>5, PTL DEF Comes, Further, Nearer, There

(* Every request to stop is honoured, for any finite set of callbacks, whether
   submissions wake the loop or not. *)
THEOREM StopsAreHonoured == ASSUME IsFiniteSet(Callbacks) PROVE Spec => StopIsHonoured
<1>1. \A n \in Nat : Comes(n) => Comes(n + 1)
  BY OneMoreToGo
<1>2. Comes(0)
  <2>1. EventInv => ~(ToGo < 0) BY ToGoIsNat
  <2>2. Spec => [](~Heard /\ ToGo < 0 => <>Heard) BY <2>1, EventInvHolds, PTL
  <2> QED BY <2>2 DEF Comes
<1> DEFINE Which == [n \in Nat |-> Comes(n)]
<1>3. Which \/ ~Which
  <2> HIDE DEF Which
  <2> QED OBVIOUS
<1>4. \E f : \A n \in Nat : f[n] <=> Comes(n)
  BY <1>3
<1>5. \A n \in Nat : Comes(n)
  BY <1>1, <1>2, <1>4, Induction
<1>6. Spec => \A n \in Nat : [](~Heard /\ ToGo < n => <>Heard)
  BY <1>5 DEF Comes
<1>7. (\A n \in Nat : [](~Heard /\ ToGo < n => <>Heard))
        => [](\A n \in Nat : (~Heard /\ ToGo < n => <>Heard))
  OBVIOUS
<1>8. (\A n \in Nat : (~Heard /\ ToGo < n => <>Heard))
        => (~Heard /\ (\E n \in Nat : ToGo < n) => <>Heard)
  OBVIOUS
<1>9. EventInv => \E n \in Nat : ToGo < n
  <2> SUFFICES ASSUME EventInv PROVE \E n \in Nat : ToGo < n
    OBVIOUS
  <2>1. ToGo \in Nat BY ToGoIsNat
  <2>2. ToGo + 1 \in Nat /\ ToGo < ToGo + 1 BY <2>1
  <2> QED BY <2>2
<1>10. Heard <=> ~stopping \/ phase = "closed"
  BY DEF Heard
<1> QED BY <1>6, <1>7, <1>8, <1>9, <1>10, EventInvHolds, PTL DEF StopIsHonoured
=============================================================================
