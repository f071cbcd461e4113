----------------------------- MODULE AsyncioLoop -----------------------------
(***************************************************************************)
(* The event loop of Python's asyncio, as CPython 3.11 has it:             *)
(* SelfPipeLoop, but for when the pipe is read. call_soon_threadsafe       *)
(* appends to the deque `ready' and then writes a byte, in _write_to_self; *)
(* call_soon appends and does not write. An append is a single step, since *)
(* the interpreter has a lock of its own.                                  *)
(*                                                                         *)
(* When the selector reports the pipe, nobody reads it yet: the callback   *)
(* that will, _read_from_self, is appended to what is ready, as for any    *)
(* other input. Then the length of the iteration is fixed, and the pipe is *)
(* read when the turn comes. So callbacks run while the byte that they     *)
(* were announced with is still in the pipe, and a byte that comes         *)
(* meanwhile is read with it, although its callback waits for the next     *)
(* iteration. That is no fault: the loop looks at what is ready between    *)
(* any read of the pipe and the next wait, and the append comes before the *)
(* byte.                                                                   *)
(***************************************************************************)
EXTENDS SelfPipeLoop

CONSTANT EarlyStop  \* whether the loop may be asked to stop before it runs

ASSUME AsyncioConstants ==
    /\ EarlyStop \in BOOLEAN
    /\ ~Coalesces /\ ~PollsOnStop /\ ~OwnWrites

(* The callback that reads the pipe: the loop's own, and none that is submitted,
   since those count from 1. *)
Reader == <<Loop, 0>>

WithoutReader(sequence) == SelectSeq(sequence, LAMBDA c : c # Reader)

(* What is ready beyond the current iteration's share. *)
Beyond == WithoutReader(SubSeq(ready, todo + 1, Len(ready)))

AsyncioContract == INSTANCE EventLoop
                   WITH snapshot <- Len(accepted) - Len(Beyond),
                        PromptStop <- TRUE

-----------------------------------------------------------------------------
(* The loop: is asked to stop before it runs. It will have one iteration. *)
StopEarly ==
    /\ EarlyStop
    /\ pc[Loop] = "idle"
    /\ ~stopping
    /\ stopping' = TRUE
    /\ UNCHANGED <<ready, pipe, signalled, closed, pc, submitted, todo,
                   mayBlock, history>>

(* The loop: looks whether it may wait, which it may if nothing is ready and
   nobody has asked it to stop. *)
AsyncioLook ==
    /\ pc[Loop] = "look"
    /\ mayBlock' = (ready = <<>> /\ ~stopping)
    /\ Goto(Loop, "select")
    /\ UNCHANGED <<ready, pipe, signalled, stopping, closed, submitted, todo,
                   history>>

(* The loop: returns from the selector, which reports the pipe if there is a byte
   in it. *)
AsyncioSelect ==
    /\ pc[Loop] = "select"
    /\ \/ ~mayBlock
       \/ pipe > 0
    /\ Goto(Loop, IF pipe > 0 THEN "report" ELSE "take")
    /\ UNCHANGED <<ready, pipe, signalled, stopping, closed, submitted, todo,
                   mayBlock, history>>

(* The loop: appends the pipe's reader to what is ready. *)
Report ==
    /\ pc[Loop] = "report"
    /\ ready' = Append(ready, Reader)
    /\ Goto(Loop, "take")
    /\ UNCHANGED <<pipe, signalled, stopping, closed, submitted, todo, mayBlock,
                   history>>

(* The loop: runs the first that is ready, if it is a callback. *)
AsyncioRun ==
    /\ ready # <<>> => Head(ready) # Reader
    /\ Run

(* The loop: comes to the pipe's reader, which reads whatever is in the pipe. *)
ReadFromSelf ==
    /\ pc[Loop] = "run"
    /\ todo > 0
    /\ Head(ready) = Reader
    /\ ready' = Tail(ready)
    /\ todo' = todo - 1
    /\ pipe' = 0
    /\ UNCHANGED <<signalled, stopping, closed, pc, submitted, mayBlock, history>>

AsyncioNext ==
    \/ \E t \in Others : Check(t) \/ Enqueue(t) \/ Write(t)
    \/ StopEarly
    \/ Start
    \/ AsyncioLook
    \/ AsyncioSelect
    \/ Timeout
    \/ Report
    \/ Take
    \/ AsyncioRun
    \/ ReadFromSelf
    \/ Stop
    \/ CallSoon
    \/ Continue
    \/ Return
    \/ Close
    \/ Terminating

AsyncioLoopStep ==
    \/ Start
    \/ AsyncioLook
    \/ AsyncioSelect
    \/ Report
    \/ Take
    \/ AsyncioRun
    \/ ReadFromSelf
    \/ Stop
    \/ Continue
    \/ Return
    \/ Close

AsyncioSpec ==
    /\ Init
    /\ [][AsyncioNext]_vars
    /\ WF_vars(AsyncioLoopStep)
    /\ \A t \in Others : WF_vars(Write(t))

-----------------------------------------------------------------------------
AsyncioTypeOK ==
    /\ Range(ready) \subseteq Callbacks \union {Reader}
    /\ pipe \in 0..PipeCapacity
    /\ ~signalled
    /\ stopping \in BOOLEAN
    /\ closed \in BOOLEAN
    /\ \A t \in Others : pc[t] \in {"ready", "append", "write", "done"}
    /\ pc[Loop] \in {"idle", "look", "select", "report", "take", "run", "stop",
                    "done"}
    /\ \A t \in Threads : submitted[t] \in 0..Quota(t)
    /\ todo \in 0..Len(ready)
    /\ mayBlock \in BOOLEAN
    /\ Range(accepted) \subseteq Callbacks
    /\ Range(ran) \subseteq Callbacks
    /\ refused \subseteq Callbacks
    /\ dropped \subseteq Callbacks
    /\ phase \in {"idle", "started", "running", "closed"}

(* Every callback that was accepted is somewhere. *)
NoCallbackLost ==
    Range(accepted) =
        Range(ran) \union dropped \union Range(WithoutReader(ready))

(* The reader belongs to the iteration that appended it. *)
ReaderRunsAtOnce ==
    Reader \in Range(ready) => pc[Loop] \in {"take", "run", "stop"}

AsyncioRefinesEventLoop ==
    AsyncioContract!Init
        /\ [][AsyncioContract!Next]_(AsyncioContract!vars)

AsyncioKeepsContract == AsyncioContract!Spec

AsyncioFairnessDemandsAStep == AsyncioContract!FairnessDemandsAStep
=============================================================================
