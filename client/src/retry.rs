//! The pauses between attempts.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

/// The longest pause that a node can ask for. A longer one is cut to this.
const ASKED_DELAY_MAX: Duration = Duration::from_secs(10);

/// Exponential backoff: each pause is twice the one before, plus jitter of up to its own length.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// The first pause.
    pub delay_min: Duration,
    /// The longest pause, without jitter.
    pub delay_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            delay_min: Duration::from_millis(20),
            delay_max: Duration::from_millis(500),
        }
    }
}

impl RetryPolicy {
    fn delays(&self) -> Delays {
        ExponentialBuilder::new()
            .with_jitter()
            .with_min_delay(self.delay_min)
            .with_max_delay(self.delay_max)
            .without_max_times()
            .build()
    }
}

type Delays = <ExponentialBuilder as BackoffBuilder>::Backoff;

/// The pauses of one series of failures.
#[derive(Debug)]
pub(crate) struct Backoff {
    policy: RetryPolicy,
    delays: Delays,
    started: bool,
}

impl Backoff {
    pub(crate) fn new(policy: RetryPolicy) -> Self {
        Self {
            policy,
            delays: policy.delays(),
            started: false,
        }
    }

    /// The next pause, at least as long as the node asked for.
    pub(crate) fn next_delay(&mut self, asked: Option<Duration>) -> Duration {
        self.started = true;
        let own = self.delays.next().unwrap_or(self.policy.delay_max);
        own.max(asked.unwrap_or_default().min(ASKED_DELAY_MAX))
    }

    /// Starts again with the shortest pause, after a success.
    pub(crate) fn reset(&mut self) {
        if self.started {
            *self = Self::new(self.policy);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_maximum_and_start_small_again_after_a_success() {
        let policy = RetryPolicy::default();
        let mut backoff = Backoff::new(policy);
        let first = backoff.next_delay(None);
        assert!(first >= policy.delay_min && first <= policy.delay_min * 2);
        for _ in 0..10 {
            backoff.next_delay(None);
        }
        let late = backoff.next_delay(None);
        assert!(late >= policy.delay_max && late <= policy.delay_max * 2);
        backoff.reset();
        assert!(backoff.next_delay(None) <= policy.delay_min * 2);
    }

    #[test]
    fn a_node_that_asks_for_more_time_gets_it_within_reason() {
        let mut backoff = Backoff::new(RetryPolicy::default());
        let asked = Duration::from_secs(3);
        assert_eq!(backoff.next_delay(Some(asked)), asked);
        assert_eq!(backoff.next_delay(Some(asked * 1000)), ASKED_DELAY_MAX);
    }
}
