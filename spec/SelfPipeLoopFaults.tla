-------------------------- MODULE SelfPipeLoopFaults -------------------------
(***************************************************************************)
(* The way to lose a wakeup that has to do with the pipe.                  *)
(***************************************************************************)
EXTENDS SelfPipeLoop

(* CLEAR AFTER DRAIN. The pipe is read after the loop has looked at what is
   ready, rather than before. The byte of a callback that came in between is
   read with the others, and the selector waits. *)

(* The loop: looks whether it may wait, and reads the pipe after that. *)
LookThenDrain ==
    \/ /\ pc[Loop] = "look"
       /\ mayBlock' = (ready = <<>>)
       /\ Goto(Loop, "drain late")
       /\ UNCHANGED <<ready, pipe, stopping, closed, submitted, todo, history>>
    \/ /\ pc[Loop] = "drain late"
       /\ pipe' = 0
       /\ Goto(Loop, "select")
       /\ UNCHANGED <<ready, stopping, closed, submitted, todo, mayBlock,
                      history>>
=============================================================================
