//! What no model notices the absence of, and why that is as it should be.

/// Conditions that may be left out: module, definition, condition, and the reason.
pub(super) const MAY_STAND: [(&str, &str, &str, &str); 34] = [
    (
        "AsyncioLoop",
        "AsyncioLoopStep",
        "Close",
        "a loop that nobody closes may begin another run instead",
    ),
    (
        "AsyncioLoop",
        "ReadFromSelf",
        "pc[Loop] = \"run\"",
        "the reader is nowhere else at the head of an iteration",
    ),
    (
        "AsyncioLoop",
        "StopEarly",
        "EarlyStop",
        "a switch: where it is off there is less to check, and nothing else",
    ),
    (
        "AsyncioLoop",
        "StopEarly",
        "~stopping",
        "to ask twice changes nothing",
    ),
    (
        "CondvarLoop",
        "Cancel",
        "Cancels",
        "a switch: where it is off there is less to check, and nothing else",
    ),
    (
        "CondvarLoop",
        "Cancel",
        "c \\notin cancelled",
        "to cancel twice changes nothing; it would only pass for a step in a deadlock",
    ),
    (
        "CondvarLoop",
        "Terminating",
        "\\A t \\in Others : pc[t] = \"done\"",
        "it keeps the end from excusing a thread that is stuck, and none is",
    ),
    (
        "CondvarLoop",
        "Terminating",
        "pc[Loop] = \"waiting\"",
        "it keeps the end from excusing a loop that is stuck elsewhere, and it never is",
    ),
    (
        "CondvarLoopInduction",
        "Inv",
        "MutualExclusion",
        "the model begins with it in any case, to have fewer states to look at",
    ),
    (
        "EdgeTriggeredLoop",
        "EdgeLoopStep",
        "Close",
        "a loop that nobody closes may begin another run instead",
    ),
    (
        "EdgeTriggeredLoop",
        "EdgeTerminating",
        "\\A t \\in Others : pc[t] = \"done\"",
        "it keeps the end from excusing a thread that is stuck, and none is",
    ),
    (
        "EdgeTriggeredLoop",
        "EdgeTimeout",
        "TimedWaits",
        "a switch: where it is off there is less to check, and nothing else",
    ),
    (
        "EdgeTriggeredLoop",
        "EdgeTimeout",
        "~signalled",
        "the write is reported by the next look instead",
    ),
    (
        "EventLoop",
        "Owner",
        "Close",
        "the owner may begin another run instead",
    ),
    (
        "EventLoop",
        "Owner",
        "Start",
        "the owner may close the loop instead",
    ),
    (
        "EventLoop",
        "Run",
        "phase = \"running\"",
        "outside a run, everything that the iterations cover is settled",
    ),
    (
        "EventLoop",
        "Terminating",
        "phase = \"closed\"",
        "a step that changes nothing is allowed anyway; no state here is without another",
    ),
    (
        "EventLoop",
        "Terminating",
        "refused \\union Range(accepted) = Callbacks",
        "a step that changes nothing is allowed anyway; no state here is without another",
    ),
    (
        "EventTask",
        "EventTaskTerminating",
        "\\A c \\in Callbacks : ~Pending(c)",
        "it keeps the end from excusing a thread that is stuck, and none is",
    ),
    (
        "EventTask",
        "EventTaskTerminating",
        "\\A t \\in Others : pc[t] = \"done\"",
        "it keeps the end from excusing a thread that is stuck, and none is",
    ),
    (
        "EventTask",
        "EventTaskTerminating",
        "task = \"done\"",
        "it keeps the end from excusing a thread that is stuck, and none is",
    ),
    (
        "EventTask",
        "RunPoll",
        "task \\in {\"away\", \"done\"}",
        "a poll that is begun again looks again",
    ),
    (
        "EventTask",
        "Turn",
        "task \\in {\"away\", \"done\"}",
        "another iteration changes nothing for a poll that is under way",
    ),
    (
        "SelfPipeLoop",
        "LoopStep",
        "Close",
        "a loop that nobody closes may begin another run instead",
    ),
    (
        "SelfPipeLoop",
        "OwnWrite",
        "OwnWrites",
        "a switch: where it is off there is less to check, and nothing else",
    ),
    (
        "SelfPipeLoop",
        "OwnWrite",
        "pc[Loop] = \"run\"",
        "a byte too many does no harm, wherever the loop is",
    ),
    (
        "SelfPipeLoop",
        "Run",
        "pc[Loop] = \"run\"",
        "elsewhere nothing is left of an iteration, but before a stop, which comes later then",
    ),
    (
        "SelfPipeLoop",
        "Terminating",
        "\\A t \\in Others : pc[t] = \"done\"",
        "it keeps the end from excusing a thread that is stuck, and none is",
    ),
    (
        "SelfPipeLoop",
        "Timeout",
        "TimedWaits",
        "a switch: where it is off there is less to check, and nothing else",
    ),
    (
        "SelfPipeLoop",
        "Timeout",
        "pipe = 0",
        "the byte is reported by the next look instead",
    ),
    (
        "TimerLoop",
        "Fire",
        "pc[Loop] \\in Iterating",
        "elsewhere it has fired, or holds the mutex between two steps that do not read the clock",
    ),
    (
        "TimerLoop",
        "Fire",
        "~fired",
        "a loop may read the clock twice in an iteration",
    ),
    (
        "TimerLoop",
        "TimedTerminating",
        "timers = <<>>",
        "it keeps the end from excusing a timer that is left, and none is",
    ),
    (
        "TimerLoop",
        "TimedTimeout",
        "deadline <= now",
        "a wait that ends too early is a spurious wakeup, and the clock is read again",
    ),
];

/// Actions that may be taken at any time: module and action.
pub(super) const WITHOUT_A_GUARD: [(&str, &str); 1] = [("EventLoop", "Stop")];
