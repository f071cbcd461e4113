---------------------------- MODULE FiniteSubsets ----------------------------
(***************************************************************************)
(* What the proofs about liveness have to know about finite sets: what is  *)
(* taken out of one makes it smaller, by a number.                         *)
(***************************************************************************)
EXTENDS Naturals, FiniteSets, TLAPS
LOCAL INSTANCE FiniteSetTheorems

(* So a finite set cannot become smaller for ever. *)
THEOREM SubsetIsSmaller ==
    ASSUME NEW S, IsFiniteSet(S), NEW T, T \subseteq S
    PROVE  /\ IsFiniteSet(T)
           /\ Cardinality(S) \in Nat
           /\ Cardinality(T) \in Nat
           /\ Cardinality(T) <= Cardinality(S)
           /\ T # S => Cardinality(T) < Cardinality(S)
<1>1. T \in SUBSET S OBVIOUS
<1>2. IsFiniteSet(T) /\ Cardinality(T) <= Cardinality(S) /\ (Cardinality(S) = Cardinality(T) => S = T)
  BY <1>1, FS_Subset
<1>3. Cardinality(S) \in Nat /\ Cardinality(T) \in Nat
  BY <1>2, FS_CardinalityType
<1> QED BY <1>2, <1>3

(* And what has one element more is larger by one at most. *)
THEOREM OneMore ==
    ASSUME NEW S, IsFiniteSet(S), NEW x, NEW T, T \subseteq S \union {x}
    PROVE  /\ Cardinality(S) \in Nat /\ Cardinality(T) \in Nat
           /\ Cardinality(T) <= Cardinality(S) + 1
<1>1. /\ IsFiniteSet(S \union {x})
      /\ Cardinality(S \union {x}) = IF x \in S THEN Cardinality(S) ELSE Cardinality(S) + 1
  BY FS_AddElement
<1>2. Cardinality(S) \in Nat
  BY FS_CardinalityType
<1> QED BY <1>1, <1>2, SubsetIsSmaller

THEOREM IntervalIsFinite == ASSUME NEW n \in Nat PROVE IsFiniteSet(1..n)
  BY FS_Interval

(* Finitely many threads with finitely many things to do each. *)
THEOREM PairsAreFinite ==
    ASSUME NEW S, IsFiniteSet(S), NEW n \in Nat
    PROVE  IsFiniteSet(S \X (0..n))
<1>1. IsFiniteSet(0..n) BY FS_Interval
<1> QED BY <1>1, FS_Product
=============================================================================
