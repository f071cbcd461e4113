--------------------------- MODULE LostWakeupProof ---------------------------
(***************************************************************************)
(* The page about the lost wakeup, proved: with the wakeup, the loop never *)
(* sleeps beside a callback unless a thread is about to wake it, and what  *)
(* is queued is run. Without it, a state in which the loop sleeps beside a *)
(* callback is two steps away, and nothing but chance leads out of it.     *)
(***************************************************************************)
EXTENDS LostWakeup, TLAPS

TypeInv ==
    /\ queued \in BOOLEAN
    /\ asleep \in BOOLEAN
    /\ waking \in BOOLEAN

LEMMA TypesHold == ASSUME Wakes \in BOOLEAN PROVE Init /\ [][Next]_vars => []TypeInv
<1>1. Init => TypeInv BY DEF Init, TypeInv
<1>2. TypeInv /\ [Next]_vars => TypeInv'
  BY DEF TypeInv, Next, Submit, Wake, Sleep, Take, WakeByChance, vars
<1> QED BY <1>1, <1>2, PTL

(* Submit is the only step that queues a callback. If the loop is asleep, the
   thread is about to wake it. Sleep is taken only with nothing queued, and the
   one step that ends `waking' wakes the loop. *)
THEOREM NoWakeupIsLost == ASSUME Wakes PROVE Spec => []NoWakeupLost
<1>1. Init => NoWakeupLost BY DEF Init, NoWakeupLost
<1>2. NoWakeupLost /\ [Next]_vars => NoWakeupLost'
  BY DEF NoWakeupLost, Next, Submit, Wake, Sleep, Take, WakeByChance, vars
<1> QED BY <1>1, <1>2, PTL DEF Spec

(* Two steps from the beginning: the loop goes to sleep, a thread queues. *)
Stranded == queued /\ asleep /\ ~waking

(* Without the wakeup it is not saved: whatever happens then, the loop stays
   asleep beside the callback, or has woken by chance. *)
THEOREM UnsafeIsNotSaved ==
    ASSUME ~Wakes
    PROVE  Stranded /\ [Next]_vars => Stranded' \/ WakeByChance
  BY DEF Stranded, Next, Submit, Wake, Sleep, Take, WakeByChance, vars

(* And it does come to that: the two steps, from a state as at the beginning. *)
THEOREM UnsafeStrands ==
    ASSUME ~Wakes, ~queued, ~waking
    PROVE  /\ Sleep => ~queued' /\ asleep' /\ ~waking'
           /\ asleep /\ Submit => Stranded'
  BY DEF Sleep, Submit, Stranded
=============================================================================
