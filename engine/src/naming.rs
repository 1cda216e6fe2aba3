//! How systems name their datasets, and so what one is called on the other side where the sync file does not say.

/// The names of a system's datasets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Naming {
    /// A name is a name, with whatever it has in it.
    Plain,
    /// `schema.table`; the schema may be left out where the system finds the table without.
    Qualified,
    /// Paths of files. The endings say what kind of file it is; a new one gets the first.
    Files { endings: &'static [&'static str] },
    /// There is one dataset, of this name.
    One(String),
}

impl Naming {
    /// Names that a dataset of another system may go by here, likeliest first. Where none of them is there, the last
    /// one is what it will be called, so that it has the same name before and after it is made.
    pub fn candidates(&self, name: &str, there: &Self) -> Vec<String> {
        let bare = there.bare(name);
        let mut candidates = match (self, there) {
            (Self::One(only), _) => vec![only.clone()],
            (Self::Files { .. }, Self::Files { .. })
            | (Self::Qualified, Self::Qualified)
            | (Self::Plain, Self::Plain) => vec![name.to_owned()],
            (Self::Files { endings }, _) => {
                let with_ending = |name: &str| format!("{name}{}", endings.first().copied().unwrap_or_default());
                // With its usual ending before any other.
                vec![with_ending(name), with_ending(bare), bare.to_owned(), with_ending(bare)]
            }
            (Self::Plain, Self::Qualified) => vec![name.to_owned(), bare.to_owned()],
            (Self::Plain | Self::Qualified, _) => vec![bare.to_owned()],
        };
        candidates.dedup();
        candidates
    }

    /// The name without what only this kind of system puts around it.
    pub fn bare<'a>(&self, name: &'a str) -> &'a str {
        match self {
            Self::Plain | Self::One(_) => name,
            Self::Qualified => name.split_once('.').map_or(name, |(_, table)| table),
            Self::Files { .. } => {
                let file = name.rsplit_once('/').map_or(name, |(_, file)| file);
                self.without_ending(file)
            }
        }
    }

    fn without_ending<'a>(&self, name: &'a str) -> &'a str {
        let Self::Files { endings } = self else { return name };
        endings.iter().find_map(|ending| name.strip_suffix(ending)).filter(|rest| !rest.is_empty()).unwrap_or(name)
    }

    /// Whether two names may stand for one dataset: a file may be called without its ending.
    pub fn are_one(&self, one: &str, other: &str) -> bool {
        one == other || self.without_ending(one) == other || one == self.without_ending(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: Naming = Naming::Files { endings: &[".csv", ".csv.gz"] };

    fn named(name: &str, from: &Naming, to: &Naming) -> String {
        to.candidates(name, from).pop().unwrap()
    }

    #[test]
    fn a_name_keeps_what_it_means_and_takes_the_form_of_the_other_side() {
        use Naming::{Plain, Qualified};
        let one = Naming::One("all".to_owned());
        for (name, from, to, expected) in [
            ("customers.csv", &FILES, &Plain, "customers"),
            ("customers.csv.gz", &FILES, &Qualified, "customers"),
            ("2024/report.v2.csv", &FILES, &Plain, "report.v2"),
            ("report.v2", &FILES, &Qualified, "report.v2"),
            ("2024/a.csv", &FILES, &FILES, "2024/a.csv"),
            ("t", &Plain, &FILES, "t.csv"),
            ("sales.t", &Qualified, &FILES, "t.csv"),
            ("sales.t", &Qualified, &Plain, "t"),
            ("sales.a.b", &Qualified, &Plain, "a.b"),
            ("sales.t", &Qualified, &Qualified, "sales.t"),
            ("a.b", &Plain, &Plain, "a.b"),
            ("t", &Plain, &Qualified, "t"),
            ("sales.t", &Qualified, &one, "all"),
            ("all", &one, &Qualified, "all"),
            ("all", &one, &FILES, "all.csv"),
        ] {
            assert_eq!(named(name, from, to), expected, "{name} from {from:?} to {to:?}");
        }
    }

    #[test]
    fn a_dataset_that_is_there_under_its_whole_name_comes_first() {
        assert_eq!(Naming::Plain.candidates("sales.t", &Naming::Qualified), ["sales.t", "t"]);
        assert_eq!(FILES.candidates("sales.t", &Naming::Qualified), ["sales.t.csv", "t.csv", "t", "t.csv"]);
        assert_eq!(FILES.candidates("t", &Naming::Plain), ["t.csv", "t", "t.csv"]);
    }

    #[test]
    fn a_file_is_the_same_with_and_without_its_ending() {
        assert!(FILES.are_one("a.csv", "a") && FILES.are_one("a", "a.csv.gz") && FILES.are_one("a", "a"));
        assert!(!FILES.are_one("a.csv", "a.csv.gz") && !FILES.are_one("a.csv", "b") && !FILES.are_one("a", "x/a.csv"));
        assert!(!Naming::Plain.are_one("a.csv", "a"));
    }
}
