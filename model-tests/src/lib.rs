//! Models of the wakeproof event loop and the checks of its specification.
