-------------------------- MODULE CondvarLoopTypes ---------------------------
(***************************************************************************)
(* Which values the variables of CondvarLoop can have, and where its       *)
(* threads can be. All other proofs about CondvarLoop build on this.       *)
(***************************************************************************)
EXTENDS CondvarLoopInduction, TLAPS

(* The labels come from CondvarLoopInduction. *)
AllLabels == LoopLabels \union OtherLabels

(* TypeOK alone is not inductive. This adds which labels each thread may be
   at, that the condvar has no waiter but the loop, and that a thread which
   is about to submit has something left to submit. *)
TypeInv ==
    /\ holder \in Threads \union {Nobody}
    /\ queue \in Seq(Callbacks)
    /\ asleep \in BOOLEAN
    /\ stopping \in BOOLEAN
    /\ closed \in BOOLEAN
    /\ waitSet = IF pc[Loop] = "waiting" THEN {Loop} ELSE {}
    /\ pc \in [Threads -> AllLabels]
    /\ pc[Loop] \in LoopLabels
    /\ \A t \in Others : pc[t] \in OtherLabels
    /\ submitted \in [Threads -> Nat]
    /\ \A t \in Threads : submitted[t] <= Quota(t)
    /\ \A t \in Threads : pc[t] = "submit" => submitted[t] < Quota(t)
    /\ \A t \in Submitters : pc[t] = "ready" => submitted[t] < Quota(t)
    /\ batch \in Seq(Callbacks)
    /\ accepted \in Seq(Callbacks)
    /\ ran \in Seq(Callbacks)
    /\ refused \subseteq Callbacks
    /\ cancelled \subseteq Callbacks
    /\ dropped \subseteq Callbacks
    /\ phase \in {"idle", "started", "running", "closed"}

(* What there is to know about threads and what they submit. From here on,
   their sets are opaque to the provers: whether they are finite does not
   matter. *)
LEMMA ThreadFacts ==
    /\ Loop \in Threads
    /\ Others \subseteq Threads
    /\ Submitters \subseteq Others
    /\ Stoppers \subseteq Others
    /\ Submitters \intersect Stoppers = {}
    /\ Loop \notin Others
    /\ Nobody \notin Threads
    /\ \A t \in Threads : t = Loop \/ t \in Others
    /\ \A t \in Others : t \in Submitters \/ t \in Stoppers
  BY Constants DEF Threads, Others

LEMMA Empty == <<>> \in Seq(Callbacks) /\ Range(<<>>) = {}
  BY DEF Range

LEMMA QuotaNat == \A t \in Threads : Quota(t) \in Nat
  BY Constants DEF Quota

LEMMA UpcomingIsCallback ==
    ASSUME TypeInv, NEW t \in Threads, pc[t] = "submit"
    PROVE  Upcoming(t) \in Callbacks
<1>1. submitted[t] + 1 \in 1..Quota(t)
  BY QuotaNat DEF TypeInv
<1>2. <<t, submitted[t] + 1>> \in {<<t, i>> : i \in 1..Quota(t)}
  BY <1>1
<1> QED BY <1>2 DEF Callbacks, Upcoming

(* At first every thread is about to begin. *)
LEMMA InitTypeInv == Init => TypeInv
  BY Constants, QuotaNat DEF Init, TypeInv, LoopLabels, OtherLabels, AllLabels, Threads, Others, Quota

(* Each action keeps the types. Notify, SpuriousWakeup and Timeout move a
   thread out of the wait set: it is the loop, since no other thread ever
   waits. *)
LEMMA NextTypeInv == TypeInv /\ [Next]_vars => TypeInv'
<1> SUFFICES ASSUME TypeInv, [Next]_vars PROVE TypeInv'
  OBVIOUS
<1> USE ThreadFacts DEF TypeInv, shared, history, Goto
<1>1. ASSUME NEW t \in Threads, Lock(t) PROVE TypeInv'
  BY <1>1, QuotaNat DEF LoopLabels, OtherLabels, AllLabels, Lock, FirstLook, NextLook, NothingToDo, Iterating, AtLarge, Quota
<1>2. ASSUME NEW t \in Threads, Enqueue(t) PROVE TypeInv'
  BY <1>2, QuotaNat, UpcomingIsCallback DEF LoopLabels, OtherLabels, AllLabels, Enqueue
<1>3. ASSUME NEW t \in Threads, Refuse(t) PROVE TypeInv'
  BY <1>3, QuotaNat, UpcomingIsCallback DEF LoopLabels, OtherLabels, AllLabels, Refuse
<1>4. ASSUME NEW t \in Threads, Notify(t) PROVE TypeInv'
<2>1. pc[t] = "notify" /\ waitSet \subseteq {Loop}
  BY <1>4 DEF Notify
<2>2. CASE waitSet' = waitSet /\ pc' = [pc EXCEPT ![t] = "unlock"]
  BY <1>4, <2>1, <2>2 DEF Notify, LoopLabels, OtherLabels, AllLabels
<2>3. CASE /\ pc[Loop] = "waiting" /\ waitSet' = {} /\ t # Loop
           /\ pc' = [pc EXCEPT ![t] = "unlock", ![Loop] = "notified"]
  BY <1>4, <2>1, <2>3 DEF Notify, LoopLabels, OtherLabels, AllLabels
<2> QED
  BY <1>4, <2>1, <2>2, <2>3 DEF Notify
<1>5. ASSUME NEW t \in Threads, Stop(t) PROVE TypeInv'
  BY <1>5 DEF LoopLabels, OtherLabels, AllLabels, Stop
<1>6. ASSUME NEW t \in Threads, Unlock(t) PROVE TypeInv'
<2> USE DEF LoopLabels, OtherLabels, AllLabels
<2>1. CASE t = Loop
  <3>1. \E l \in {"idle", "done", "run", "callback"} : pc' = [pc EXCEPT ![t] = l]
    BY <1>6, <2>1 DEF Unlock
  <3> QED
    BY <1>6, <2>1, <3>1 DEF Unlock
<2>2. CASE t # Loop
  <3>1. \/ pc' = [pc EXCEPT ![t] = "done"]
        \/ pc' = [pc EXCEPT ![t] = "ready"] /\ submitted[t] < Quota(t)
    BY <1>6, <2>2 DEF Unlock
  <3> QED
    BY <1>6, <2>2, <3>1, QuotaNat DEF Unlock
<2> QED
  BY <2>1, <2>2
<1>7. CASE Sleep
  BY <1>7 DEF LoopLabels, OtherLabels, AllLabels, Sleep
<1>8. CASE SpuriousWakeup
<2>1. /\ pc[Loop] = "waiting" /\ waitSet' = {}
      /\ pc' = [pc EXCEPT ![Loop] = "notified"]
  BY <1>8 DEF SpuriousWakeup
<2> QED
  BY <1>8, <2>1 DEF SpuriousWakeup, LoopLabels, OtherLabels, AllLabels
<1>9. CASE Timeout
<2>1. /\ pc[Loop] = "waiting" /\ waitSet' = {}
      /\ pc' = [pc EXCEPT ![Loop] = "timed out"]
  BY <1>9 DEF Timeout
<2> QED
  BY <1>9, <2>1 DEF Timeout, LoopLabels, OtherLabels, AllLabels
<1>10. CASE Wake
  BY <1>10 DEF LoopLabels, OtherLabels, AllLabels, Wake, FirstLook, NothingToDo
<1>11. CASE Take
  BY <1>11, Empty DEF LoopLabels, OtherLabels, AllLabels, Take
<1>12. CASE Run
  BY <1>12 DEF LoopLabels, OtherLabels, AllLabels, Run, Iterating
<1>13. CASE Stopped
  BY <1>13 DEF LoopLabels, OtherLabels, AllLabels, Stopped
<1>14. CASE Close
  BY <1>14, Empty DEF LoopLabels, OtherLabels, AllLabels, Close, Range
<1>15. ASSUME NEW c \in Callbacks, Cancel(c) PROVE TypeInv'
  BY <1>15 DEF Cancel
<1>16. CASE Terminating
  BY <1>16 DEF Terminating, vars
<1>17. CASE UNCHANGED vars
  BY <1>17 DEF vars
<1> QED
  BY <1>1, <1>2, <1>3, <1>4, <1>5, <1>6, <1>7, <1>8, <1>9, <1>10, <1>11,
     <1>12, <1>13, <1>14, <1>15, <1>16, <1>17 DEF Next

(* For any sets of submitters and stoppers, finite or not, and any number of
   callbacks each. *)
THEOREM TypeInvHolds == Init /\ [][Next]_vars => []TypeInv
  BY InitTypeInv, NextTypeInv, PTL

LEMMA SeqRange == \A s \in Seq(Callbacks) : Range(s) \subseteq Callbacks
  BY DEF Range

(* TypeOK, as CondvarLoop.tla states it, follows. *)
THEOREM TypesHold == Spec => []TypeOK
<1>1. TypeInv => TypeOK
  BY SeqRange, QuotaNat, ThreadFacts DEF TypeInv, TypeOK, LoopLabels, OtherLabels, AllLabels, Critical, Iterating
<1> QED BY <1>1, TypeInvHolds, PTL DEF Spec
=============================================================================
