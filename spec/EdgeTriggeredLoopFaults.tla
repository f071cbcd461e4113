----------------------- MODULE EdgeTriggeredLoopFaults -----------------------
(***************************************************************************)
(* The way to lose a wakeup that has to do with edges.                     *)
(***************************************************************************)
EXTENDS EdgeTriggeredLoop

(* IGNORE A FULL COUNTER. A write that fails is taken for one that is not needed,
   as it may be where the selector reports what there is to read. Here it has
   reported that already, and will not do so again. *)

(* Another thread: writes to the eventfd, if it is not full. *)
WriteUnlessFull(t) ==
    /\ pc[t] = "write"
    /\ IF pipe < PipeCapacity
       THEN pipe' = pipe + 1 /\ signalled' = TRUE
       ELSE UNCHANGED <<pipe, signalled>>
    /\ submitted' = [submitted EXCEPT ![t] = @ + 1]
    /\ Goto(t, AfterSubmission(t))
    /\ UNCHANGED <<ready, stopping, closed, todo, mayBlock, history>>
=============================================================================
