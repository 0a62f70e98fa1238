//! Sends dead letters through ingress again.
//!
//! Each chunk takes two log entries: the new deliveries, then the update of the letters. A crash
//! between the two is harmless. Events that were accepted are known by their ids, so the next
//! re-drive finds duplicates and removes their letters.

use homeroom_core::{AmendedLetter, DeadLetterUpdate, Reason, shard::DeadLetter};
use homeroom_proto::v1;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{cursor::Cursor, filter::Filter, refused_again::RefusedAgain};
use crate::{
    ingress::{DryRunOutcome, Intake, IntakeError, RedriveOutcome},
    route::Router,
    shard::ShardReplica,
    status,
};

/// Re-drives letters and counts the outcomes.
pub struct Redrive<'d> {
    router: &'d Router,
    intake: &'d Intake,
    stop: &'d CancellationToken,
    response: v1::RedriveResponse,
    refused_again: RefusedAgain,
}

type Numbered = (u64, DeadLetter);

impl<'d> Redrive<'d> {
    pub fn new(router: &'d Router, intake: &'d Intake, stop: &'d CancellationToken) -> Self {
        Self {
            router,
            intake,
            stop,
            response: v1::RedriveResponse::default(),
            refused_again: RefusedAgain::default(),
        }
    }

    /// Only counts what ingress would accept and refuse now.
    pub async fn dry_run(mut self, filter: &Filter) -> Result<v1::RedriveResponse, Status> {
        for mut cursor in Cursor::all(self.router).await {
            while let Some(letters) = cursor.next(filter, numbered).await {
                let whole = self.count_matched(&letters);
                let outcomes = self.intake.dry_run(&whole_letters(&whole));
                let outcomes = outcomes.map_err(|error| not_ready(&error))?;
                for ((_, letter), outcome) in whole.into_iter().zip(outcomes) {
                    match outcome {
                        DryRunOutcome::Passable => self.response.passable += 1,
                        DryRunOutcome::Refused(reason, detail) => {
                            self.refused_again.add(&letter.source, reason, detail);
                        }
                    }
                }
            }
        }
        Ok(self.into_response())
    }

    /// Re-drives all letters that match. If a shard takes no more, its other letters stay
    /// unchanged, and count as to be retried.
    pub async fn run(mut self, filter: &Filter) -> Result<v1::RedriveResponse, Status> {
        for mut cursor in Cursor::all(self.router).await {
            let mut takes = true;
            while let Some(letters) = cursor.next(filter, numbered).await {
                let whole = self.count_matched(&letters);
                takes &= !self.stop.is_cancelled();
                if takes {
                    takes = self.send(cursor.shard, &whole).await?;
                } else {
                    self.response.retry += whole.len() as u64;
                }
            }
        }
        let response = self.into_response();
        tracing::info!(
            matched = response.matched,
            accepted = response.accepted,
            duplicate = response.duplicate,
            shadowed = response.shadowed,
            refused_again = response.dead_lettered,
            cut = response.cut,
            retry = response.retry,
            unknown = response.unknown,
            "dead letters were re-driven"
        );
        Ok(response)
    }

    /// Counts all letters, and returns those that can be sent: those that were kept whole.
    fn count_matched<'l>(&mut self, letters: &'l [Numbered]) -> Vec<&'l Numbered> {
        let whole = letters
            .iter()
            .filter(|(_, letter)| letter.reason != Reason::Oversized);
        let whole: Vec<&Numbered> = whole.collect();
        self.response.matched += letters.len() as u64;
        self.response.cut += (letters.len() - whole.len()) as u64;
        whole
    }

    /// Delivers a chunk and updates its letters. Returns whether the shard takes more.
    async fn send(&mut self, shard: &ShardReplica, letters: &[&Numbered]) -> Result<bool, Status> {
        if letters.is_empty() {
            return Ok(true);
        }
        let whole = whole_letters(letters);
        let outcomes = match self.intake.redeliver(shard.shard(), &whole).await {
            Ok(outcomes) => outcomes,
            Err(IntakeError::Route(_)) => {
                self.response.retry += letters.len() as u64;
                return Ok(false);
            }
            Err(error) => return Err(not_ready(&error)),
        };
        let retried_before = self.response.retry;
        let mut update = DeadLetterUpdate::default();
        for ((number, letter), outcome) in letters.iter().zip(outcomes) {
            self.settle((*number, letter), outcome, &mut update);
        }
        if !update.is_empty() {
            shard.update_dead_letters(&update).await?;
        }
        Ok(self.response.retry == retried_before)
    }

    fn settle(
        &mut self,
        (number, letter): (u64, &DeadLetter),
        outcome: RedriveOutcome,
        update: &mut DeadLetterUpdate,
    ) {
        let response = &mut self.response;
        let (count, is_removed, refused) = match outcome {
            RedriveOutcome::Accepted => (&mut response.accepted, true, None),
            RedriveOutcome::Duplicate => (&mut response.duplicate, true, None),
            RedriveOutcome::Shadowed => (&mut response.shadowed, true, None),
            RedriveOutcome::Moved(now) => (&mut response.dead_lettered, true, Some(now)),
            RedriveOutcome::Stays(now) => (&mut response.dead_lettered, false, Some(now)),
            RedriveOutcome::Retry => (&mut response.retry, false, None),
            RedriveOutcome::Unknown => {
                response.unknown += 1;
                (&mut response.retry, false, None)
            }
        };
        *count += 1;
        if is_removed {
            update.removed.push(number);
        }
        let Some(now) = refused else { return };
        let before = (letter.reason, &letter.detail, &letter.user_id);
        if !is_removed && (now.reason, &now.detail, &now.user_id) != before {
            update.amended.push(AmendedLetter {
                number,
                reason: now.reason,
                detail: now.detail.clone(),
                user_id: now.user_id,
            });
        }
        self.refused_again
            .add(&letter.source, now.reason, now.detail);
    }

    fn into_response(self) -> v1::RedriveResponse {
        v1::RedriveResponse {
            refused_again: self.refused_again.into_messages(),
            ..self.response
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
