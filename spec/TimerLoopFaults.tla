--------------------------- MODULE TimerLoopFaults ---------------------------
(***************************************************************************)
(* The ways to lose a wakeup that have to do with the clock. A timer that  *)
(* is set without a wakeup is the unsafe variant of TimerLoop itself.      *)
(***************************************************************************)
EXTENDS TimerLoop

(* STALE DEADLINE. The loop has worked out how long to sleep, lets the mutex go,
   takes it again, and sleeps that long. A timer that came in between found it
   awake. *)

(* The loop: works out the deadline and lets the mutex go, then waits by it. *)
SleepByAnOldDeadline ==
    \/ /\ pc[Loop] = "sleep"
       /\ deadline' = Earliest
       /\ holder' = Nobody
       /\ Goto(Loop, "go to sleep")
       /\ UNCHANGED <<now, timers, fired, shared, waitSet, submitted, batch,
                      history>>
    \/ /\ pc[Loop] = "go to sleep"
       /\ holder = Nobody
       /\ asleep' = TRUE
       /\ waitSet' = waitSet \union {Loop}
       /\ Goto(Loop, "waiting")
       /\ UNCHANGED <<timing, holder, queue, stopping, closed, submitted, batch,
                      history>>
=============================================================================
