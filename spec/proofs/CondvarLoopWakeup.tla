-------------------------- MODULE CondvarLoopWakeup --------------------------
(***************************************************************************)
(* No wakeup is lost, however many threads there are.                      *)
(*                                                                         *)
(* CondvarLoopInduction says why in words, and checks it for three threads *)
(* by going through all states. Here, a machine checks the argument for    *)
(* any number. Without Wakes it does not hold, and CondvarLoopUnsafe shows *)
(* how it fails.                                                           *)
(***************************************************************************)
EXTENDS CondvarLoopMutex

(* The last three conjuncts of Inv in CondvarLoopInduction. The first two of
   Inv are proved already. *)
WakeupInv ==
    /\ pc[Loop] = "waiting" => asleep
    /\ pc[Loop] = "sleep" => NothingToDo
    /\ NoWakeupLost

(* At first the loop does not wait. *)
LEMMA InitWakeup == Init => WakeupInv
  BY ThreadFacts DEF Init, WakeupInv, NoWakeupLost, NothingToDo

(* Enqueue and Stop are the only actions that bring work. Both are taken
   under the mutex. If the loop waits, they find the flag set, and the thread
   goes on to notify. Notify takes the loop out of the wait set, since nobody
   else is in it. Sleep is the only action that puts it there, and what the
   loop saw is still so, since it has not let go of the mutex. *)
LEMMA NextWakeup ==
    ASSUME Wakes
    PROVE  TypeInv /\ MutualExclusion /\ WakeupInv /\ [Next]_vars => WakeupInv'
<1> SUFFICES ASSUME TypeInv, MutualExclusion, WakeupInv, [Next]_vars
             PROVE  WakeupInv'
  OBVIOUS
<1>0. /\ pc \in [Threads -> AllLabels]
      /\ queue \in Seq(Callbacks)
      /\ waitSet = IF pc[Loop] = "waiting" THEN {Loop} ELSE {}
      /\ \A t \in Threads : holder = t <=> pc[t] \in Critical
      /\ \A t \in Others : pc[t] \in OtherLabels
  BY DEF TypeInv, MutualExclusion
<1>00. \A t, u \in Threads : pc[t] \in Critical /\ pc[u] \in Critical => t = u
  BY <1>0
<1> USE <1>0, <1>00, ThreadFacts DEF WakeupInv, NoWakeupLost, NothingToDo, shared, history, Goto, Critical
<1>1. ASSUME NEW t \in Threads, Lock(t) PROVE WakeupInv'
  BY <1>1 DEF Lock, FirstLook, NextLook, Iterating, AtLarge
<1>2. ASSUME NEW t \in Threads, Enqueue(t) PROVE WakeupInv'
  BY <1>2 DEF Enqueue
<1>3. ASSUME NEW t \in Threads, Refuse(t) PROVE WakeupInv'
  BY <1>3 DEF Refuse
<1>4. ASSUME NEW t \in Threads, Notify(t) PROVE WakeupInv'
  BY <1>4 DEF Notify
<1>5. ASSUME NEW t \in Threads, Stop(t) PROVE WakeupInv'
  BY <1>5 DEF Stop
<1>6. ASSUME NEW t \in Threads, Unlock(t) PROVE WakeupInv'
<2>1. \E l \in {"idle", "done", "run", "callback", "ready"} : pc' = [pc EXCEPT ![t] = l]
  <3>1. CASE t = Loop BY <1>6, <3>1 DEF Unlock
  <3>2. CASE t # Loop BY <1>6, <3>2, pc[t] = "unlock" DEF Unlock, OtherLabels
  <3> QED BY <3>1, <3>2
<2> QED BY <1>6, <2>1 DEF Unlock
<1>7. CASE Sleep
  BY <1>7 DEF Sleep
<1>8. CASE SpuriousWakeup
  BY <1>8 DEF SpuriousWakeup
<1>9. CASE Timeout
  BY <1>9 DEF Timeout
<1>10. CASE Wake
  BY <1>10 DEF Wake, FirstLook
<1>11. CASE Take
  BY <1>11 DEF Take
<1>12. CASE Run
  BY <1>12 DEF Run, Iterating
<1>13. CASE Stopped
  BY <1>13 DEF Stopped
<1>14. CASE Close
  BY <1>14 DEF Close
<1>15. ASSUME NEW c \in Callbacks, Cancel(c) PROVE WakeupInv'
  BY <1>15 DEF Cancel
<1>16. CASE Terminating
  BY <1>16 DEF Terminating, vars
<1>17. CASE UNCHANGED vars
  BY <1>17 DEF vars
<1> QED
  BY <1>1, <1>2, <1>3, <1>4, <1>5, <1>6, <1>7, <1>8, <1>9, <1>10, <1>11,
     <1>12, <1>13, <1>14, <1>15, <1>16, <1>17 DEF Next

LEMMA InvIs == TypeInv /\ MutualExclusion /\ WakeupInv => Inv
  BY DEF TypeInv, WakeupInv, Inv

(* The invariant of CondvarLoopInduction, for any number of threads. *)
THEOREM InvHolds == ASSUME Wakes PROVE Spec => []Inv
<1>1. TypeInv /\ MutualExclusion /\ WakeupInv /\ [Next]_vars => WakeupInv'
  BY NextWakeup
<1> QED
  BY InitTypeInv, NextTypeInv, InitMutex, NextMutex, InitWakeup, <1>1, InvIs, PTL
     DEF Spec

(* The answer to the question: no wakeup is lost. The loop never waits beside work
   unless a thread is about to notify it. *)
THEOREM NoWakeupIsLost == ASSUME Wakes PROVE Spec => []NoWakeupLost
<1>1. Inv => NoWakeupLost BY DEF Inv
<1> QED BY <1>1, InvHolds, PTL
=============================================================================
