--------------------------- MODULE EventTaskFaults ---------------------------
(***************************************************************************)
(* The way to lose a task's wakeup although the loop loses none.           *)
(***************************************************************************)
EXTENDS EventTask

(* CLEAR AFTER POLL. The waker forgets that the task has been submitted when the
   poll is over. A wakeup that comes while the poll runs finds it submitted
   still, and leads to nothing. *)

(* The task: begins a poll with the waker as it is. *)
BeginPollAtOnce ==
    /\ task = "begin"
    /\ task' = "look"
    /\ UNCHANGED <<vars, flag, registered, wakefulness, pc>>

(* The task: looks at the flag, and then has the waker forget. *)
LookAndClear ==
    \/ /\ task = "look"
       /\ task' = IF flag THEN "finish" ELSE "clear"
       /\ registered' = (registered \/ ~flag)
       /\ UNCHANGED <<vars, flag, wakefulness, pc>>
    \/ /\ task = "clear"
       /\ wakefulness' = "idle"
       /\ task' = "away"
       /\ UNCHANGED <<vars, flag, registered, pc>>
=============================================================================
