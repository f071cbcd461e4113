-------------------------- MODULE SelfPipeLoopFaults -------------------------
(***************************************************************************)
(* The ways to lose a wakeup that have to do with the pipe.                *)
(***************************************************************************)
EXTENDS SelfPipeLoop

(* CLEAR AFTER DRAIN. The pipe is read after the loop has looked at what is
   ready, rather than before. The byte of a callback that came in between is
   read with the others, and the selector waits. *)

(* The loop: looks whether it may wait, and reads the pipe after that. *)
LookThenDrain ==
    \/ /\ pc[Loop] = "look"
       /\ mayBlock' = (ready = <<>> /\ ~stopping)
       /\ Goto(Loop, "drain late")
       /\ UNCHANGED <<ready, pipe, signalled, stopping, closed, submitted,
                      todo, history>>
    \/ /\ pc[Loop] = "drain late"
       /\ pipe' = 0
       /\ Goto(Loop, "select")
       /\ UNCHANGED <<ready, signalled, stopping, closed, submitted, todo,
                      mayBlock, history>>

(* SIGNAL LATE. A thread writes its byte and then says that it has signalled the
   loop. The loop may have read the byte by then, and nobody will write again. *)

(* Another thread: is about to write if it finds no signal. *)
SignalLater(t) ==
    /\ pc[t] = "signal"
    /\ IF signalled
       THEN /\ Goto(t, AfterSubmission(t))
            /\ submitted' = [submitted EXCEPT ![t] = @ + 1]
       ELSE /\ Goto(t, "write")
            /\ UNCHANGED submitted
    /\ UNCHANGED <<ready, pipe, signalled, stopping, closed, todo, mayBlock,
                   history>>

(* Another thread: writes its byte, then signals. *)
WriteThenSignal(t) ==
    \/ /\ pc[t] = "write"
       /\ pipe' = IF pipe < PipeCapacity THEN pipe + 1 ELSE pipe
       /\ Goto(t, "signal late")
       /\ UNCHANGED <<ready, signalled, stopping, closed, submitted, todo,
                      mayBlock, history>>
    \/ /\ pc[t] = "signal late"
       /\ signalled' = TRUE
       /\ submitted' = [submitted EXCEPT ![t] = @ + 1]
       /\ Goto(t, AfterSubmission(t))
       /\ UNCHANGED <<ready, pipe, stopping, closed, todo, mayBlock, history>>
=============================================================================
