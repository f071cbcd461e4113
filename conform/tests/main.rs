//! The tests of comparisons and of the judge. They are one binary, so that it is linked once.

mod asyncio_loop;
mod comparison;
mod contract;
mod designs;
