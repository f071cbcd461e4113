--------------------------- MODULE EventLoopEnabled --------------------------
(***************************************************************************)
(* Which step of the contract's loop can be taken where. Weak fairness     *)
(* asks for that before it promises a step.                                *)
(***************************************************************************)
EXTENDS FiniteSubsets, NaturalInduction, EventLoopSafety

EventInv == TypeInv /\ FateInv /\ OrderInv /\ OverInv

LEMMA EventInvHolds == Spec => []EventInv
<1>1. Init => OverInv BY DEF Init, OverInv, IterationIsOver
<1> QED BY <1>1, InvariantHolds, NextOver, PTL DEF Spec, EventInv

-----------------------------------------------------------------------------
(* Which step the loop can take. *)
StepOwner == <<Owner>>_vars

(* Run, for a callback at a given place. *)
RunAt(j) ==
    /\ phase = "running"
    /\ ran' = Append(ran, accepted[j])
    /\ snapshot' = snapshot
    /\ UNCHANGED <<accepted, refused, cancelled, dropped, stopping, phase>>

RealStart == <<Start>>_vars
RealIterate == <<CalledFor /\ Iterate>>_vars
RealReturn == <<Return>>_vars
RealRunAt(j) == <<RunAt(j)>>_vars

(* Where the loop is idle it can begin a run. *)
LEMMA StartCan == EventInv /\ phase = "idle" => ENABLED StepOwner
<1> SUFFICES ASSUME EventInv, phase = "idle" PROVE ENABLED StepOwner
  OBVIOUS
<1>1. ENABLED <<Start>>_vars
  BY ExpandENABLED DEF Start, vars
<1>2. RealStart \in BOOLEAN BY DEF RealStart
<1>3. StepOwner \in BOOLEAN BY DEF StepOwner
<1>4. (ENABLED RealStart) \/ (ENABLED StepOwner) BY <1>1 DEF RealStart
<1>5. ENABLED (RealStart \/ StepOwner) BY <1>2, <1>3, <1>4, ENABLEDaxioms
<1>6. (RealStart \/ StepOwner) \in BOOLEAN BY <1>2, <1>3
<1>7. (RealStart \/ StepOwner) = StepOwner BY DEF RealStart, StepOwner, Owner
<1>8. (ENABLED (RealStart \/ StepOwner)) <=> (ENABLED StepOwner)
  BY <1>3, <1>6, <1>7, ENABLEDaxioms
<1> QED BY <1>5, <1>8

(* Where an iteration is called for, and the last one is over, it can begin the
   next. *)
LEMMA IterateCan ==
    EventInv /\ phase \in {"started", "running"} /\ IterationIsOver /\ CalledFor
        /\ (PromptStop /\ stopping => phase = "started")
        /\ (phase = "started" \/ snapshot # Len(accepted))
            => ENABLED StepOwner
<1> SUFFICES ASSUME EventInv, phase \in {"started", "running"}, IterationIsOver, CalledFor,
                    PromptStop /\ stopping => phase = "started",
                    phase = "started" \/ snapshot # Len(accepted)
             PROVE  ENABLED StepOwner
  OBVIOUS
<1>1. ENABLED <<CalledFor /\ Iterate>>_vars
  BY ExpandENABLED DEF Iterate, vars
<1>2. RealIterate \in BOOLEAN BY DEF RealIterate
<1>3. StepOwner \in BOOLEAN BY DEF StepOwner
<1>4. (ENABLED RealIterate) \/ (ENABLED StepOwner) BY <1>1 DEF RealIterate
<1>5. ENABLED (RealIterate \/ StepOwner) BY <1>2, <1>3, <1>4, ENABLEDaxioms
<1>6. (RealIterate \/ StepOwner) \in BOOLEAN BY <1>2, <1>3
<1>7. (RealIterate \/ StepOwner) = StepOwner BY DEF RealIterate, StepOwner, Owner
<1>8. (ENABLED (RealIterate \/ StepOwner)) <=> (ENABLED StepOwner)
  BY <1>3, <1>6, <1>7, ENABLEDaxioms
<1> QED BY <1>5, <1>8

(* Where a stop is pending, and the iteration is over, it can return. *)
LEMMA ReturnCan ==
    EventInv /\ phase = "running" /\ stopping /\ IterationIsOver => ENABLED StepOwner
<1> SUFFICES ASSUME EventInv, phase = "running", stopping, IterationIsOver PROVE ENABLED StepOwner
  OBVIOUS
<1>1. ENABLED <<Return>>_vars
  BY ExpandENABLED DEF Return, vars
<1>2. RealReturn \in BOOLEAN BY DEF RealReturn
<1>3. StepOwner \in BOOLEAN BY DEF StepOwner
<1>4. (ENABLED RealReturn) \/ (ENABLED StepOwner) BY <1>1 DEF RealReturn
<1>5. ENABLED (RealReturn \/ StepOwner) BY <1>2, <1>3, <1>4, ENABLEDaxioms
<1>6. (RealReturn \/ StepOwner) \in BOOLEAN BY <1>2, <1>3
<1>7. (RealReturn \/ StepOwner) = StepOwner BY DEF RealReturn, StepOwner, Owner
<1>8. (ENABLED (RealReturn \/ StepOwner)) <=> (ENABLED StepOwner)
  BY <1>3, <1>6, <1>7, ENABLEDaxioms
<1> QED BY <1>5, <1>8

(* The first place up to n that is pending, if one is. *)
LEMMA FirstPending ==
    ASSUME NEW i \in Nat, i >= 1, Pending(accepted[i])
    PROVE  \E j \in 1..i : Pending(accepted[j]) /\ \A k \in 1..(j - 1) : ~Pending(accepted[k])
<1>1. SUFFICES ASSUME \A j \in 1..i : Pending(accepted[j]) => \E k \in 1..(j - 1) : Pending(accepted[k])
               PROVE  FALSE
  OBVIOUS
<1> DEFINE Upto == [n \in Nat |-> n <= i => \A k \in 1..n : ~Pending(accepted[k])]
<1>2. Upto[0]
  OBVIOUS
<1>3. \A n \in Nat : Upto[n] => Upto[n + 1]
  <2> SUFFICES ASSUME NEW n \in Nat, Upto[n], n + 1 <= i, NEW k \in 1..(n + 1), Pending(accepted[k])
               PROVE  FALSE
    OBVIOUS
  <2>1. n <= i /\ \A m \in 1..n : ~Pending(accepted[m])
    OBVIOUS
  <2>2. k = n + 1
    BY <2>1
  <2>3. \E m \in 1..n : Pending(accepted[m])
    BY <1>1, <2>2
  <2> QED BY <2>1, <2>3
<1>4. \A n \in Nat : Upto[n]
  <2> HIDE DEF Upto
  <2> QED BY <1>2, <1>3, Induction
<1>5. Upto[i]
  BY <1>4
<1> QED BY <1>5

(* Where the iteration is not over, it can run a callback. *)
LEMMA RunCan ==
    EventInv /\ phase = "running" /\ ~IterationIsOver => ENABLED StepOwner
<1> SUFFICES ASSUME EventInv, phase = "running", ~IterationIsOver PROVE ENABLED StepOwner
  OBVIOUS
<1>0. ran \in Seq(Callbacks) /\ snapshot \in Nat
  BY DEF EventInv, TypeInv
<1>a. PICK i \in 1..snapshot : Pending(accepted[i])
  BY DEF IterationIsOver
<1>b. PICK j \in 1..i : Pending(accepted[j]) /\ \A k \in 1..(j - 1) : ~Pending(accepted[k])
  BY <1>0, <1>a, FirstPending
<1>c. j \in 1..snapshot BY <1>0, <1>a, <1>b
<1>d. Append(ran, accepted[j]) # ran
  <2>1. \A x : Len(Append(ran, x)) = Len(ran) + 1 /\ Len(ran) \in Nat BY <1>0
  <2> QED BY <2>1
<1>1. ENABLED <<RunAt(j)>>_vars
  BY <1>d, ExpandENABLED DEF RunAt, vars
<1>2. RealRunAt(j) \in BOOLEAN BY DEF RealRunAt
<1>3. StepOwner \in BOOLEAN BY DEF StepOwner
<1>4. (ENABLED RealRunAt(j)) \/ (ENABLED StepOwner) BY <1>1 DEF RealRunAt
<1>5. ENABLED (RealRunAt(j) \/ StepOwner) BY <1>2, <1>3, <1>4, ENABLEDaxioms
<1>6. (RealRunAt(j) \/ StepOwner) \in BOOLEAN BY <1>2, <1>3
<1>7. (RealRunAt(j) \/ StepOwner) = StepOwner
  BY <1>b, <1>c DEF RealRunAt, RunAt, StepOwner, Owner, Run
<1>8. (ENABLED (RealRunAt(j) \/ StepOwner)) <=> (ENABLED StepOwner)
  BY <1>3, <1>6, <1>7, ENABLEDaxioms
<1> QED BY <1>5, <1>8
=============================================================================
