-------------------------- MODULE AsyncioLoopFaults --------------------------
(***************************************************************************)
(* The ways to lose a wakeup in asyncio's design.                          *)
(***************************************************************************)
EXTENDS AsyncioLoop

(* WRITE FIRST. The byte is written before the append. The loop may read it,
   look, and wait, all before the callback is there. *)

(* Another thread: writes its byte, then appends its callback. *)
WriteFirst(t) ==
    \/ /\ pc[t] = "append"
       /\ pipe' = IF pipe < PipeCapacity THEN pipe + 1 ELSE pipe
       /\ Goto(t, "append late")
       /\ UNCHANGED <<ready, signalled, stopping, closed, submitted, todo,
                      mayBlock, history>>
    \/ /\ pc[t] = "append late"
       /\ ready' = Append(ready, Upcoming(t))
       /\ accepted' = Append(accepted, Upcoming(t))
       /\ submitted' = [submitted EXCEPT ![t] = @ + 1]
       /\ Goto(t, AfterSubmission(t))
       /\ UNCHANGED <<pipe, signalled, stopping, closed, todo, mayBlock, ran,
                      refused, cancelled, dropped, phase>>

(* LOOK EARLY. The loop decides whether it may wait when it has run its last
   callback, and the pipe's reader runs after that. *)

(* The loop: comes to the pipe's reader, having looked whether it may wait. *)
ReadAfterTheLook ==
    \/ /\ pc[Loop] = "run"
       /\ todo > 0
       /\ Head(ready) = Reader
       /\ ready' = Tail(ready)
       /\ todo' = todo - 1
       /\ mayBlock' = (Tail(ready) = <<>> /\ ~stopping)
       /\ Goto(Loop, "read late")
       /\ UNCHANGED <<pipe, signalled, stopping, closed, submitted, history>>
    \/ /\ pc[Loop] = "read late"
       /\ pipe' = 0
       /\ Goto(Loop, IF stopping \/ todo > 0 THEN "run" ELSE "select")
       /\ UNCHANGED <<ready, signalled, stopping, closed, submitted, todo,
                      mayBlock, history>>
=============================================================================
