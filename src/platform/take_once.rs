//! A value that can be taken once, on every platform.

use atomic_take::AtomicTake;

/// A value that the first thread to ask for it gets, and no other.
///
/// To take it orders nothing: whoever can ask for the value has synchronised with the thread that put
/// it there, or could not have got hold of the cell.
///
/// ```
/// use wakeproof::platform::{ParkingLot, Platform, TakeOnce};
///
/// let cell = <ParkingLot as Platform>::TakeOnce::<&str>::new("mine");
/// assert_eq!(TakeOnce::take(&cell), Some("mine"));
/// assert_eq!(TakeOnce::take(&cell), None);
/// ```
pub trait TakeOnce<T>: Send + Sync + 'static {
    /// A cell with the value in it.
    fn new(value: T) -> Self;
    /// Takes the value out, in one step. `None`: it is gone.
    fn take(&self) -> Option<T>;
    /// Whether the value is gone.
    fn is_taken(&self) -> bool;
}

/// One atomic swap.
impl<T: Send + 'static> TakeOnce<T> for AtomicTake<T> {
    fn new(value: T) -> Self {
        AtomicTake::new(value)
    }

    fn take(&self) -> Option<T> {
        self.take()
    }

    fn is_taken(&self) -> bool {
        self.is_taken()
    }
}
