//! Dead letters sent through ingress once more.
//!
//! Two entries for each chunk: first the new deliveries, then what that means for the letters. A crash between the two is harmless:
//! what was taken has its identity, so that the next re-drive hears of a duplicate, and lets the letter go.

use homeroom_core::{AmendedLetter, DeadLetterUpdate, Reason, shard::DeadLetter};
use homeroom_proto::v1;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{filter::Filter, refused_again::RefusedAgain, walk::Walk};
use crate::{
    ingress::{Fate, Foretold, Intake, IntakeError},
    route::Router,
    shard::ShardReplica,
    status,
};

/// Re-drives letters, and counts what becomes of them.
pub struct Redrive<'d> {
    router: &'d Router,
    intake: &'d Intake,
    stop: &'d CancellationToken,
    told: v1::RedriveResponse,
    refused_again: RefusedAgain,
}

type Numbered = (u64, DeadLetter);

impl<'d> Redrive<'d> {
    pub fn new(router: &'d Router, intake: &'d Intake, stop: &'d CancellationToken) -> Self {
        Self {
            router,
            intake,
            stop,
            told: v1::RedriveResponse::default(),
            refused_again: RefusedAgain::default(),
        }
    }

    /// Only tells what ingress would say now.
    pub async fn foretell(mut self, filter: &Filter) -> Result<v1::RedriveResponse, Status> {
        let walks = Walk::all(self.router).await;
        for (shard, mut walk) in self.router.shards().iter().zip(walks) {
            while let Some(letters) = walk.next(shard, filter, numbered).await {
                let whole = self.count_matched(&letters);
                let foretold = self.intake.foretell(&whole_letters(&whole));
                let foretold = foretold.map_err(|error| not_ready(&error))?;
                for ((_, letter), foretold) in whole.into_iter().zip(foretold) {
                    match foretold {
                        Foretold::Passable => self.told.passable += 1,
                        Foretold::Refused(reason, detail) => {
                            self.refused_again.add(&letter.source, reason, detail);
                        }
                    }
                }
            }
        }
        Ok(self.into_response())
    }

    /// Goes through all letters that match. Where a shard takes no more, its others stay as they are, and are counted as to be tried
    /// again.
    pub async fn run(mut self, filter: &Filter) -> Result<v1::RedriveResponse, Status> {
        let walks = Walk::all(self.router).await;
        for (shard, mut walk) in self.router.shards().iter().zip(walks) {
            let mut takes = true;
            while let Some(letters) = walk.next(shard, filter, numbered).await {
                let whole = self.count_matched(&letters);
                takes &= !self.stop.is_cancelled();
                if takes {
                    takes = self.send(shard, &whole).await?;
                } else {
                    self.told.retry += whole.len() as u64;
                }
            }
        }
        let told = self.into_response();
        tracing::info!(
            matched = told.matched,
            accepted = told.accepted,
            duplicate = told.duplicate,
            shadowed = told.shadowed,
            refused_again = told.dead_lettered,
            cut = told.cut,
            retry = told.retry,
            "dead letters were re-driven"
        );
        Ok(told)
    }

    /// The letters that can be sent: not those of which only the beginning was kept.
    fn count_matched<'l>(&mut self, letters: &'l [Numbered]) -> Vec<&'l Numbered> {
        let whole = letters
            .iter()
            .filter(|(_, letter)| letter.reason != Reason::Oversized);
        let whole: Vec<&Numbered> = whole.collect();
        self.told.matched += letters.len() as u64;
        self.told.cut += (letters.len() - whole.len()) as u64;
        whole
    }

    /// Delivers a chunk and does to its letters what follows. Whether the shard takes more.
    async fn send(&mut self, shard: &ShardReplica, letters: &[&Numbered]) -> Result<bool, Status> {
        if letters.is_empty() {
            return Ok(true);
        }
        let whole = whole_letters(letters);
        let fates = match self.intake.redeliver(shard.shard(), &whole).await {
            Ok(fates) => fates,
            Err(IntakeError::Route(_)) => {
                self.told.retry += letters.len() as u64;
                return Ok(false);
            }
            Err(error) => return Err(not_ready(&error)),
        };
        let retried_before = self.told.retry;
        let mut work = DeadLetterUpdate::default();
        for ((number, letter), fate) in letters.iter().zip(fates) {
            self.settle((*number, letter), fate, &mut work);
        }
        if !work.is_empty() {
            let written = shard.update_dead_letters(&work).await;
            written.map_err(|error| status::of_propose(&error))?;
        }
        Ok(self.told.retry == retried_before)
    }

    fn settle(
        &mut self,
        (number, letter): (u64, &DeadLetter),
        fate: Fate,
        work: &mut DeadLetterUpdate,
    ) {
        let told = &mut self.told;
        let count = match &fate {
            Fate::Accepted => &mut told.accepted,
            Fate::Duplicate => &mut told.duplicate,
            Fate::Shadowed => &mut told.shadowed,
            Fate::Stays(..) | Fate::Moved(..) => &mut told.dead_lettered,
            Fate::Retry => &mut told.retry,
        };
        *count += 1;
        match fate {
            Fate::Accepted | Fate::Duplicate | Fate::Shadowed => work.removed.push(number),
            Fate::Moved(now) => {
                self.refused_again
                    .add(&letter.source, now.reason, now.detail);
                work.removed.push(number);
            }
            Fate::Stays(now) => {
                let said = (letter.reason, &letter.detail, &letter.user_id);
                if (now.reason, &now.detail, &now.user_id) != said {
                    work.amended.push(AmendedLetter {
                        number,
                        reason: now.reason,
                        detail: now.detail.clone(),
                        user_id: now.user_id,
                    });
                }
                self.refused_again
                    .add(&letter.source, now.reason, now.detail);
            }
            Fate::Retry => {}
        }
    }

    fn into_response(self) -> v1::RedriveResponse {
        v1::RedriveResponse {
            refused_again: self.refused_again.into_messages(),
            ..self.told
        }
    }
}

fn numbered(number: u64, letter: &DeadLetter) -> Numbered {
    (number, letter.clone())
}

fn whole_letters<'l>(letters: &[&'l Numbered]) -> Vec<&'l DeadLetter> {
    letters.iter().map(|(_, letter)| letter).collect()
}

fn not_ready(error: &IntakeError) -> Status {
    status::unavailable("STARTING", &error.to_string())
}
