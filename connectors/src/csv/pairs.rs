//! Many pairs of 64-bit numbers, found by the first: in memory up to a bound, beyond it in sorted runs of a temporary
//! file. Finds records' places by the hash of their key, and sorts changes by place.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Pairs held in memory: 16 MB.
const IN_MEMORY: usize = 1 << 20;
/// One in so many pairs of a run has its number in memory.
const FENCE: usize = 64;
const PAIR: usize = 16;

type Pair = (u64, u64);

/// Filled by [`Pairs::push`], then closed by [`Pairs::sort`], then read. Several runs are merged into one then, so that
/// looking a number up takes one read.
#[derive(Debug)]
pub struct Pairs {
    in_memory: usize,
    recent: Vec<Pair>,
    runs: Vec<Run>,
    file: Option<File>,
}

#[derive(Debug)]
struct Run {
    offset: u64,
    pairs: usize,
    fences: Vec<u64>,
}

impl Default for Pairs {
    fn default() -> Self {
        Self::holding(IN_MEMORY)
    }
}

impl Pairs {
    fn holding(in_memory: usize) -> Self {
        Self { in_memory, recent: Vec::new(), runs: Vec::new(), file: None }
    }

    pub fn push(&mut self, first: u64, second: u64) -> io::Result<()> {
        self.recent.push((first, second));
        if self.recent.len() >= self.in_memory { self.spill() } else { Ok(()) }
    }

    pub fn sort(&mut self) -> io::Result<()> {
        self.recent.sort_unstable();
        self.recent.shrink_to_fit();
        if self.runs.len() < 2 {
            return Ok(());
        }
        let file = tempfile::tempfile()?;
        let mut merged = RunWriter::new(&file, 0);
        let mut in_order = self.in_order()?;
        while let Some(pair) = in_order.next()? {
            merged.put(pair)?;
        }
        let run = merged.finish()?;
        *self = Self { runs: vec![run], file: Some(file), ..Self::holding(self.in_memory) };
        Ok(())
    }

    fn spill(&mut self) -> io::Result<()> {
        self.recent.sort_unstable();
        let offset = self.runs.last().map_or(0, |run| run.offset + (run.pairs * PAIR) as u64);
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile()?),
        };
        let mut run = RunWriter::new(file, offset);
        for pair in self.recent.drain(..) {
            run.put(pair)?;
        }
        self.runs.push(run.finish()?);
        Ok(())
    }

    /// Every second number that stands with `first`.
    pub fn find(&self, first: u64) -> io::Result<Vec<u64>> {
        let from = self.recent.partition_point(|pair| pair.0 < first);
        let mut found: Vec<u64> =
            self.recent[from..].iter().take_while(|pair| pair.0 == first).map(|pair| pair.1).collect();
        for run in &self.runs {
            let mut block = run.fences.partition_point(|fence| *fence < first).saturating_sub(1);
            while run.fences.get(block).is_some_and(|fence| *fence <= first) {
                let pairs = self.block(run, block)?;
                found.extend(pairs.iter().filter(|pair| pair.0 == first).map(|pair| pair.1));
                block += 1;
            }
        }
        Ok(found)
    }

    fn block(&self, run: &Run, block: usize) -> io::Result<Vec<Pair>> {
        let count = FENCE.min(run.pairs.saturating_sub(block * FENCE));
        let mut bytes = vec![0; count * PAIR];
        if let Some(file) = &self.file {
            file.read_exact_at(&mut bytes, run.offset + (block * FENCE * PAIR) as u64)?;
        }
        let number = |bytes: &[u8]| {
            let mut number = [0; 8];
            number.copy_from_slice(bytes);
            u64::from_le_bytes(number)
        };
        Ok(bytes.chunks_exact(PAIR).map(|pair| (number(&pair[..8]), number(&pair[8..]))).collect())
    }

    /// All pairs in order.
    pub fn in_order(&self) -> io::Result<InOrder<'_>> {
        let mut in_order = InOrder { pairs: self, next: BinaryHeap::new(), sources: Vec::new() };
        for source in 0..=self.runs.len() {
            in_order.sources.push(Source { block: 0, pairs: Vec::new().into_iter() });
            in_order.advance(source)?;
        }
        Ok(in_order)
    }
}

/// Writes sorted pairs behind one another.
struct RunWriter<'a> {
    file: &'a File,
    run: Run,
    bytes: Vec<u8>,
    /// Where `bytes` go.
    end: u64,
}

const WRITE_BYTES: usize = 64 * 1024;

impl<'a> RunWriter<'a> {
    fn new(file: &'a File, offset: u64) -> Self {
        Self { file, run: Run { offset, pairs: 0, fences: Vec::new() }, bytes: Vec::new(), end: offset }
    }

    fn put(&mut self, (first, second): Pair) -> io::Result<()> {
        if self.run.pairs.is_multiple_of(FENCE) {
            self.run.fences.push(first);
        }
        self.run.pairs += 1;
        self.bytes.extend(first.to_le_bytes());
        self.bytes.extend(second.to_le_bytes());
        if self.bytes.len() >= WRITE_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all_at(&self.bytes, self.end)?;
        self.end += self.bytes.len() as u64;
        self.bytes.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<Run> {
        self.flush()?;
        Ok(self.run)
    }
}

/// Merges the runs and what is in memory.
pub struct InOrder<'a> {
    pairs: &'a Pairs,
    next: BinaryHeap<Reverse<(Pair, usize)>>,
    sources: Vec<Source>,
}

/// A run (the last source: what is in memory), block by block.
struct Source {
    block: usize,
    pairs: std::vec::IntoIter<Pair>,
}

impl InOrder<'_> {
    pub fn next(&mut self) -> io::Result<Option<Pair>> {
        let Some(Reverse((pair, source))) = self.next.pop() else {
            return Ok(None);
        };
        self.advance(source)?;
        Ok(Some(pair))
    }

    fn advance(&mut self, index: usize) -> io::Result<()> {
        let source = &mut self.sources[index];
        if source.pairs.len() == 0 {
            let block = match self.pairs.runs.get(index) {
                Some(run) => self.pairs.block(run, source.block)?,
                None => {
                    let from = (source.block * FENCE).min(self.pairs.recent.len());
                    let to = (from + FENCE).min(self.pairs.recent.len());
                    self.pairs.recent[from..to].to_vec()
                }
            };
            source.block += 1;
            source.pairs = block.into_iter();
        }
        if let Some(pair) = source.pairs.next() {
            self.next.push(Reverse((pair, index)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that repeat, in an order that is none.
    fn filled(in_memory: usize, count: u64) -> Pairs {
        let mut pairs = Pairs::holding(in_memory);
        for number in 0..count {
            pairs.push(number.wrapping_mul(0x9e37_79b9) % 1000, number).unwrap();
        }
        pairs.sort().unwrap();
        pairs
    }

    #[test]
    fn every_pair_is_found_by_its_first_number() {
        for (in_memory, count) in [(10_000, 0), (10_000, 5000), (700, 5000), (1000, 5000), (1, 3)] {
            let pairs = filled(in_memory, count);
            assert!(pairs.recent.len() < in_memory);
            let mut all = 0;
            for first in 0..1000 {
                let found = pairs.find(first).unwrap();
                assert!(found.iter().all(|second| second.wrapping_mul(0x9e37_79b9) % 1000 == first));
                all += found.len() as u64;
            }
            assert_eq!(all, count);
            assert!(pairs.find(5000).unwrap().is_empty());
        }
    }

    #[test]
    fn pairs_come_in_order() {
        for (in_memory, count) in [(10_000, 5000), (700, 5000), (300, 257)] {
            let pairs = filled(in_memory, count);
            let mut in_order = pairs.in_order().unwrap();
            let mut all = Vec::new();
            while let Some(pair) = in_order.next().unwrap() {
                all.push(pair);
            }
            assert_eq!(all.len() as u64, count);
            assert!(all.is_sorted());
        }
    }

    #[test]
    fn a_number_that_fills_several_blocks_is_found_whole() {
        let mut pairs = Pairs::holding(2000);
        for second in 0..2000 {
            pairs.push(7, second).unwrap();
        }
        pairs.sort().unwrap();
        assert_eq!(pairs.find(7).unwrap().len(), 2000);
        assert!(pairs.find(6).unwrap().is_empty() && pairs.find(8).unwrap().is_empty());
    }
}
