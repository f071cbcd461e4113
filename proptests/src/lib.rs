//! Property tests of the wakeproof event loop.
