//! When a task that failed is tried again.

use std::time::Duration;

use rand::RngExt;

/// How often a task is tried before it is parked.
pub const MOST_ATTEMPTS: i32 = 8;

/// The longest delay after the first failure; it doubles with each further one.
const FIRST: Duration = Duration::from_secs(1);

/// No delay is longer.
const LONGEST: Duration = Duration::from_secs(300);

/// How long to wait after so many failed attempts (from 1): exponential with full jitter, which is any time up to the
/// bound, so that what failed together does not come back together (Brooker, "Exponential Backoff And Jitter", 2015).
pub fn delay(attempts: i32) -> Duration {
    bound(attempts).mul_f64(rand::rng().random())
}

/// The longest that [`delay`] gives after so many attempts.
fn bound(attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0);
    2_u32.checked_pow(doublings).and_then(|factor| FIRST.checked_mul(factor)).unwrap_or(LONGEST).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_double_from_a_second_to_five_minutes() {
        let seconds: Vec<u64> = (1..=10).map(|attempts| bound(attempts).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        for odd in [i32::MIN, -1, 0] {
            assert_eq!(bound(odd).as_secs(), 1);
        }
        assert_eq!((bound(100).as_secs(), bound(i32::MAX).as_secs()), (300, 300));
    }

    #[test]
    fn delays_are_spread_over_all_that_the_bound_allows() {
        let delays: Vec<Duration> = (0..1000).map(|_| delay(9)).collect();
        assert!(delays.iter().all(|delay| *delay <= Duration::from_secs(256)));
        assert!(delays.iter().any(|delay| *delay < Duration::from_secs(32)));
        assert!(delays.iter().any(|delay| *delay > Duration::from_secs(224)));
    }
}
