//! Bounds for the interim answers of a backend, in both protocols.

/// Interim answers to one request; a backend that sends more never means to answer.
pub(crate) const MAX_INTERIM: u32 = 64;

/// What a backend may still say before its final answer: they wait in memory for a client that reads slowly.
#[derive(Debug)]
pub(crate) struct InterimBudget {
    count: u32,
    bytes: usize,
}

impl InterimBudget {
    /// All heads together may be as long as one.
    pub(crate) fn new(max_header_bytes: usize) -> Self {
        Self { count: MAX_INTERIM, bytes: max_header_bytes }
    }

    /// Takes one of this length.
    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), &'static str> {
        self.count = self.count.checked_sub(1).ok_or("too many interim answers")?;
        self.bytes = self.bytes.checked_sub(bytes).ok_or("too many bytes of interim answers")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interim_answers_have_a_number_and_a_length() {
        let mut budget = InterimBudget::new(65_536);
        for _ in 0..64 {
            budget.take(1_000).unwrap();
        }
        assert_eq!(budget.take(1), Err("too many interim answers"));
        let mut budget = InterimBudget::new(65_536);
        budget.take(65_536).unwrap();
        assert_eq!(budget.take(1), Err("too many bytes of interim answers"));
    }
}
