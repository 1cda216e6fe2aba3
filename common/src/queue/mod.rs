//! placeholder until the queue is merged
use std::str::FromStr;
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    Interactive,
    Bulk,
}
impl Class {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Bulk => "bulk",
        }
    }
}
impl FromStr for Class {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "interactive" => Ok(Self::Interactive),
            "bulk" => Ok(Self::Bulk),
            _ => Err(()),
        }
    }
}
