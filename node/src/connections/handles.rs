//! How the process's file handles are shared out: a reserve for the store, the rest for
//! connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Handles that connections never take: some 30 of an idle node, up to 17 for each of two bases
/// that are read and of one that is cut, the rest for reads of old log segments and accepted
/// connections that wait for their place.
const RESERVE: u64 = 96;
/// Handles below which a node does not start: the reserve, and a few connections of each listener.
const HANDLES_MIN: u64 = 112;

/// The limit on file handles is too low for a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the process may open {limit} files, a node needs at least {HANDLES_MIN}: raise `ulimit -n`, or LimitNOFILE of its unit"
)]
pub struct TooFewHandles {
    limit: u64,
}

/// How many connections each listener may have open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandlePlan {
    /// Of HTTP, at least 1.
    pub http: usize,
    /// Of gRPC, at least 1.
    pub grpc: usize,
}

impl HandlePlan {
    /// Shares out what `limit` leaves beside the store's reserve, in the ratio of the two wanted
    /// numbers, which are not exceeded.
    ///
    /// # Errors
    /// When the limit leaves no connections worth a start.
    pub fn of(limit: u64, http: u32, grpc: u32) -> Result<Self, TooFewHandles> {
        if limit < HANDLES_MIN {
            return Err(TooFewHandles { limit });
        }
        let room = u128::from(limit - RESERVE);
        let wanted = u128::from(http) + u128::from(grpc);
        let share = |part: u32| {
            let fair = u128::from(part) * room / wanted.max(1);
            usize::try_from(fair.min(part.into()).max(1)).unwrap_or(usize::MAX)
        };
        Ok(Self {
            http: share(http),
            grpc: share(grpc),
        })
    }
}

/// Raises the soft limit on file handles to the hard one. Where the system refuses, the present
/// limit stays, and the plan follows it.
pub fn raise_handle_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        let raised = Rlimit {
            current: maximum,
            maximum,
        };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::debug!(%error, "the limit of file handles can't be raised");
        }
    }
}

/// The soft limit on file handles.
pub fn handle_limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_the_reserve_to_the_store() {
        for limit in [HANDLES_MIN, 256, 1_024, 4_096, u64::MAX] {
            for (http, grpc) in [(1, 1), (1_024, 1_024), (65_536, 1), (10, 65_536)] {
                let plan = HandlePlan::of(limit, http, grpc).expect("enough");
                let taken = plan.http as u64 + plan.grpc as u64;
                assert!(taken <= limit - RESERVE, "{limit} {plan:?}");
                assert!(plan.http >= 1 && plan.http <= http as usize, "{plan:?}");
                assert!(plan.grpc >= 1 && plan.grpc <= grpc as usize, "{plan:?}");
            }
        }
        let even = HandlePlan::of(256, 1_024, 1_024).expect("enough");
        assert_eq!((even.http, even.grpc), (80, 80));
    }

    #[test]
    fn too_low_a_limit_is_refused_in_words() {
        let refused = HandlePlan::of(HANDLES_MIN - 1, 1, 1).expect_err("too few");
        assert!(refused.to_string().contains("may open 111 files"));
    }
}
