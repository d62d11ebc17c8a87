use std::io;
use std::io::BufRead;
use std::io::Read;

/// Bytes of the buffer.
const SIZE: usize = 1 << 18;

/// A buffered reader that can look at the next bytes without taking them, and knows where it is.
pub(crate) struct Peek<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    position: u64,
    has_ended: bool,
}

impl<R: Read> Peek<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, buffer: vec![0; SIZE], start: 0, end: 0, position: 0, has_ended: false }
    }

    /// Bytes that were taken.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Whether more was wanted than there is.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// The next `count` bytes, or fewer at the end.
    pub(crate) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        if self.end - self.start < count {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            let wanted = self.buffer.get_mut(self.end..count.min(SIZE)).unwrap_or_default();
            self.end += crate::packing::fill(&mut self.reader, wanted)?;
        }
        let held = self.buffer.get(self.start..self.end).unwrap_or_default();
        Ok(held.get(..count).unwrap_or(held))
    }

    /// Takes up to `count` bytes; returns how many.
    pub(crate) fn skip(&mut self, count: u64) -> io::Result<u64> {
        let mut left = count;
        while left > 0 {
            let held = self.fill_buf()?.len();
            if held == 0 {
                break;
            }
            let taken = usize::try_from(left).unwrap_or(usize::MAX).min(held);
            self.consume(taken);
            left -= taken as u64;
        }
        Ok(count - left)
    }

    /// Takes zeros; returns how many.
    pub(crate) fn skip_zeros(&mut self) -> io::Result<u64> {
        let mut total = 0;
        loop {
            let held = self.fill_buf()?;
            let zeros = held.iter().take_while(|byte| **byte == 0).count();
            let is_over = zeros < held.len() || held.is_empty();
            self.consume(zeros);
            total += zeros as u64;
            if is_over {
                return Ok(total);
            }
        }
    }
}

impl<R: Read> BufRead for Peek<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
            self.end = self.reader.read(&mut self.buffer)?;
            self.has_ended |= self.end == 0;
        }
        Ok(self.buffer.get(self.start..self.end).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.position += count as u64;
    }
}

impl<R: Read> Read for Peek<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let held = self.fill_buf()?;
        let count = held.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), held.get(..count)) {
            to.copy_from_slice(from);
        }
        self.consume(count);
        Ok(count)
    }
}
