-------------------------- MODULE EdgeTriggeredLoop --------------------------
(***************************************************************************)
(* SelfPipeLoop with an eventfd that is written and never read: the design *)
(* of mio, and so of tokio. The selector is told to report edges: it       *)
(* reports the eventfd once for the writes since it last did, whether      *)
(* anybody reads it or not. So `signalled' here is the kernel's: a write   *)
(* that the selector has yet to report.                                    *)
(*                                                                         *)
(* An eventfd is a counter. A write to a full one fails and reports        *)
(* nothing, so it must not be ignored here as it may be elsewhere: the     *)
(* thread that comes upon it reads it, which sets it to zero, and writes   *)
(* again.                                                                  *)
(***************************************************************************)
EXTENDS SelfPipeLoop

ASSUME EdgeConstants == ~Coalesces /\ ~PollsOnStop /\ ~OwnWrites

-----------------------------------------------------------------------------
(* Another thread: writes to the eventfd, which the selector will report. If the
   counter is full, it sets that to zero first. *)
EdgeWrite(t) ==
    /\ pc[t] = "write"
    /\ IF pipe < PipeCapacity
       THEN /\ pipe' = pipe + 1
            /\ signalled' = TRUE
            /\ submitted' = [submitted EXCEPT ![t] = @ + 1]
            /\ Goto(t, AfterSubmission(t))
       ELSE /\ pipe' = 0
            /\ UNCHANGED <<signalled, submitted, pc>>
    /\ UNCHANGED <<ready, stopping, closed, todo, mayBlock, history>>

(* The loop: returns from the selector, since it need not wait or there is
   something to report. What is reported is not reported again. *)
EdgeSelect ==
    /\ pc[Loop] = "select"
    /\ \/ ~mayBlock
       \/ signalled
    /\ signalled' = FALSE
    /\ Goto(Loop, "take")
    /\ UNCHANGED <<ready, pipe, stopping, closed, submitted, todo, mayBlock,
                   history>>

(* The loop: returns from the selector for another reason. *)
EdgeTimeout ==
    /\ TimedWaits
    /\ pc[Loop] = "select"
    /\ ~signalled
    /\ Goto(Loop, "take")
    /\ UNCHANGED <<ready, pipe, signalled, stopping, closed, submitted, todo,
                   mayBlock, history>>

(* Nobody: the others are done, and the loop is closed, or waits with nothing to
   run. That is the proper end. *)
EdgeTerminating ==
    /\ \A t \in Others : pc[t] = "done"
    /\ \/ pc[Loop] = "done"
       \/ pc[Loop] = "select" /\ mayBlock /\ ~signalled /\ ready = <<>>
    /\ UNCHANGED vars

EdgeNext ==
    \/ \E t \in Others : Check(t) \/ Enqueue(t) \/ EdgeWrite(t)
    \/ Start
    \/ Look
    \/ EdgeSelect
    \/ EdgeTimeout
    \/ Take
    \/ Run
    \/ Stop
    \/ CallSoon
    \/ Continue
    \/ Return
    \/ Close
    \/ EdgeTerminating

EdgeLoopStep ==
    \/ Start
    \/ Look
    \/ EdgeSelect
    \/ Take
    \/ Run
    \/ Stop
    \/ Continue
    \/ Return
    \/ Close

EdgeSpec ==
    /\ Init
    /\ [][EdgeNext]_vars
    /\ WF_vars(EdgeLoopStep)
    /\ \A t \in Others : WF_vars(EdgeWrite(t))

-----------------------------------------------------------------------------
(* Nobody sleeps beside work unless a write is under way, or one that the
   selector has yet to report. *)
NoEdgeLost ==
    \/ ~(pc[Loop] = "select" /\ mayBlock /\ ~signalled)
    \/ \E t \in Others : pc[t] = "write"
    \/ ready = <<>>
=============================================================================
