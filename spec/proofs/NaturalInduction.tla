-------------------------- MODULE NaturalInduction ---------------------------
(***************************************************************************)
(* Induction over the natural numbers, for a property that is given as a   *)
(* function: f[n] says whether n has it.                                   *)
(*                                                                         *)
(* A module about liveness needs it for a formula about a whole behaviour, *)
(* "from any distance below n, the loop arrives". TLA+ has no set of the   *)
(* numbers for which such a formula is true. But it has the function that  *)
(* says for each number whether it is, and that is what f stands for.      *)
(***************************************************************************)
EXTENDS Naturals, TLAPS
LOCAL INSTANCE WellFoundedInduction

(* If some number had not the property, there would be a smallest one. It is
   not zero, so the number before it has the property, and hands it on. *)
THEOREM Induction ==
    ASSUME NEW f, f[0], \A n \in Nat : f[n] => f[n + 1]
    PROVE  \A n \in Nat : f[n]
<1> DEFINE Without == {n \in Nat : ~f[n]}
           Less == OpToRel(<, Nat)
<1>1. SUFFICES ASSUME Without # {} PROVE FALSE
  OBVIOUS
<1>2. IsWellFoundedOn(Less, Nat)
  BY NatLessThanWellFounded
<1>3. \E n \in Without : \A m \in Without : ~(<<m, n>> \in Less)
  <2>1. Without \subseteq Nat OBVIOUS
  <2> HIDE DEF Without, Less
  <2> QED BY <1>1, <1>2, <2>1, WFMin
<1>4. PICK n \in Without : \A m \in Without : ~(<<m, n>> \in Less)
  BY <1>3
<1>5. n \in Nat /\ ~f[n] /\ n # 0
  OBVIOUS
<1>6. n - 1 \in Nat /\ n - 1 < n /\ (n - 1) + 1 = n
  BY <1>5
<1>7. <<n - 1, n>> \in Less
  BY <1>5, <1>6 DEF OpToRel
<1>8. f[n - 1]
  BY <1>4, <1>6, <1>7
<1> QED BY <1>5, <1>6, <1>8
=============================================================================
