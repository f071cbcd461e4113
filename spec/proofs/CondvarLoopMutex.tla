-------------------------- MODULE CondvarLoopMutex ---------------------------
(***************************************************************************)
(* Mutual exclusion: the mutex is held by the one thread that is where it  *)
(* must be held.                                                           *)
(*                                                                         *)
(* Nothing of the protocol is in this: it only says that Lock and Wake     *)
(* wait until the mutex is free, and that a thread lets it go where the    *)
(* labels say so.                                                          *)
(***************************************************************************)
EXTENDS CondvarLoopTypes

(* At first nobody holds it, and nobody is where it must be held. *)
LEMMA InitMutex == Init => MutualExclusion
  BY ThreadFacts, Constants DEF Init, MutualExclusion, Critical

(* A thread that is where the mutex must be held holds it, so no second one
   can be there. Lock and Wake need the mutex free; Unlock and Sleep are
   where it is let go. *)
LEMMA NextMutex == TypeInv /\ MutualExclusion /\ [Next]_vars => MutualExclusion'
<1> SUFFICES ASSUME TypeInv, MutualExclusion, [Next]_vars,
                    NEW u \in Threads
             PROVE  (holder = u <=> pc[u] \in Critical)'
  BY DEF MutualExclusion
<1>0. /\ pc \in [Threads -> AllLabels]
      /\ waitSet \subseteq {Loop}
      /\ Loop \in waitSet => pc[Loop] = "waiting"
      /\ \A t \in Threads : holder = t <=> pc[t] \in Critical
  BY DEF TypeInv, MutualExclusion
<1> USE <1>0, ThreadFacts DEF shared, history, Goto, Critical
<1> HIDE DEF TypeInv
<1>1. ASSUME NEW t \in Threads, Lock(t) PROVE (holder = u <=> pc[u] \in Critical)'
  BY <1>1 DEF Lock, FirstLook, NextLook, NothingToDo, Iterating, AtLarge
<1>2. ASSUME NEW t \in Threads, Enqueue(t) PROVE (holder = u <=> pc[u] \in Critical)'
  BY <1>2 DEF Enqueue
<1>3. ASSUME NEW t \in Threads, Refuse(t) PROVE (holder = u <=> pc[u] \in Critical)'
  BY <1>3 DEF Refuse
<1>4. ASSUME NEW t \in Threads, Notify(t) PROVE (holder = u <=> pc[u] \in Critical)'
  BY <1>4 DEF Notify
<1>5. ASSUME NEW t \in Threads, Stop(t) PROVE (holder = u <=> pc[u] \in Critical)'
  BY <1>5 DEF Stop
<1>6. ASSUME NEW t \in Threads, Unlock(t) PROVE (holder = u <=> pc[u] \in Critical)'
<2>1. \E l \in {"idle", "done", "run", "callback", "ready"} : pc' = [pc EXCEPT ![t] = l]
  <3>1. CASE t = Loop BY <1>6, <3>1 DEF Unlock
  <3>2. CASE t # Loop BY <1>6, <3>2, pc[t] = "unlock" DEF Unlock, TypeInv, OtherLabels
  <3> QED BY <3>1, <3>2
<2> QED BY <1>6, <2>1, Constants DEF Unlock
<1>7. CASE Sleep
  BY <1>7 DEF Sleep
<1>8. CASE SpuriousWakeup
  BY <1>8 DEF SpuriousWakeup
<1>9. CASE Timeout
  BY <1>9 DEF Timeout
<1>10. CASE Wake
  BY <1>10 DEF Wake, FirstLook, NothingToDo
<1>11. CASE Take
  BY <1>11 DEF Take
<1>12. CASE Run
  BY <1>12 DEF Run, Iterating
<1>13. CASE Stopped
  BY <1>13 DEF Stopped
<1>14. CASE Close
  BY <1>14 DEF Close
<1>15. ASSUME NEW c \in Callbacks, Cancel(c) PROVE (holder = u <=> pc[u] \in Critical)'
  BY <1>15 DEF Cancel
<1>16. CASE Terminating
  BY <1>16 DEF Terminating, vars
<1>17. CASE UNCHANGED vars
  BY <1>17 DEF vars
<1> QED
  BY <1>1, <1>2, <1>3, <1>4, <1>5, <1>6, <1>7, <1>8, <1>9, <1>10, <1>11,
     <1>12, <1>13, <1>14, <1>15, <1>16, <1>17 DEF Next

(* Two threads are never inside the mutex, however many there are. *)
THEOREM MutexHolds == Init /\ [][Next]_vars => []MutualExclusion
  BY InitTypeInv, NextTypeInv, InitMutex, NextMutex, PTL
=============================================================================
