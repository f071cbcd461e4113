//! A share of a search.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of several shares of a search, which together are the whole: `3/8` is the third of eight.
///
/// ```
/// use wakeproof_explore::Shard;
///
/// let shard: Shard = "3/8".parse()?;
/// assert_eq!(shard.to_string(), "3/8");
/// assert!("9/8".parse::<Shard>().is_err());
/// # Ok::<(), wakeproof_explore::NotAShard>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    number: NonZeroU32,
    of: NonZeroU32,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Shard = Shard {
        number: NonZeroU32::MIN,
        of: NonZeroU32::MIN,
    };

    /// Which one it is, counted from one.
    #[must_use]
    pub fn number(self) -> u32 {
        self.number.get()
    }

    /// How many there are.
    #[must_use]
    pub fn of(self) -> u32 {
        self.of.get()
    }

    /// Whether that part of the search, counted from zero, belongs to it.
    pub(super) fn has(self, part: usize) -> bool {
        let of = usize::try_from(self.of()).unwrap_or(usize::MAX);
        let number = usize::try_from(self.number()).unwrap_or(usize::MAX);
        part % of == number - 1
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// Text that is no shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAShard(String);

impl fmt::Display for NotAShard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no shard; the third of eight is 3/8, and the last is 8/8",
            self.0
        )
    }
}

impl std::error::Error for NotAShard {}

impl FromStr for Shard {
    type Err = NotAShard;

    fn from_str(text: &str) -> Result<Self, NotAShard> {
        let wrong = || NotAShard(text.to_owned());
        let (number, of) = text.split_once('/').ok_or_else(wrong)?;
        let number: NonZeroU32 = number.parse().map_err(|_| wrong())?;
        let of = of.parse().map_err(|_| wrong())?;
        (number <= of)
            .then_some(Shard { number, of })
            .ok_or_else(wrong)
    }
}

impl TryFrom<String> for Shard {
    type Error = NotAShard;

    fn try_from(text: String) -> Result<Self, NotAShard> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}
