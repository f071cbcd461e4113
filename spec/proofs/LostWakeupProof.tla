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

(* So what is queued is run. If the loop is asleep, a thread is about to wake it,
   and does; then the loop is awake beside the callback, cannot go to sleep, and
   takes it. *)
THEOREM WhatIsQueuedIsRun == ASSUME Wakes PROVE Spec => EveryCallbackRuns
<1> DEFINE Asleep == queued /\ asleep
           Awake == queued /\ ~asleep
           Run == ~queued
<1>1. NoWakeupLost /\ Asleep /\ [Next]_vars => Asleep' \/ Awake' \/ Run'
  BY DEF NoWakeupLost, Next, Submit, Wake, Sleep, Take, WakeByChance, vars
<1>2. NoWakeupLost /\ Asleep /\ <<Wake>>_vars => Awake'
  BY DEF NoWakeupLost, Wake, vars
<1>3. NoWakeupLost /\ Asleep => ENABLED <<Wake>>_vars
  BY ExpandENABLED DEF NoWakeupLost, Wake, vars
<1>4. Awake /\ [Next]_vars => Awake' \/ Run'
  BY DEF Next, Submit, Wake, Sleep, Take, WakeByChance, vars
<1>5. Awake /\ <<Take>>_vars => Run'
  BY DEF Take, vars
<1>6. Awake => ENABLED <<Take>>_vars
  BY ExpandENABLED DEF Take, vars
<1>7. queued <=> Asleep \/ Awake
  OBVIOUS
<1>8. Run <=> ~queued
  OBVIOUS
<1>9. Spec => []NoWakeupLost /\ [][Next]_vars /\ WF_vars(Wake) /\ WF_vars(Take)
  BY NoWakeupIsLost, PTL DEF Spec
<1> HIDE DEF Asleep, Awake, Run
<1> QED
  BY <1>1, <1>2, <1>3, <1>4, <1>5, <1>6, <1>7, <1>8, <1>9, PTL DEF EveryCallbackRuns

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
