//! Builds the gRPC services.

use std::sync::Arc;

use homeroom_core::SETTINGS_BYTES_MAX;
use homeroom_proto::v1::{
    cluster_service_server::ClusterServiceServer, course_service_server::CourseServiceServer,
    dead_letter_service_server::DeadLetterServiceServer,
    ingest_service_server::IngestServiceServer, learner_service_server::LearnerServiceServer,
};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic_reflection::server::{Builder, Error};

use crate::{
    config::Config,
    http::{Gate, ReadServices},
    ingress::{IngestHandler, Intake},
    node::{gauges::Gauges, start::Started},
    observe::Metrics,
    query::{
        ClusterHandler, CourseHandler, DeadLetterHandler, Diagnosis, LearnerHandler, NodeIdentity,
        QueryPool, ReadContext,
    },
};

/// Bytes of a gRPC message besides the events in it.
const MESSAGE_OVERHEAD_BYTES: usize = 64 * 1024;
/// The most bytes of a message about the cluster: room for the largest settings, which take up to
/// twice as much in a message as in the log.
const CLUSTER_MESSAGE_BYTES_MAX: usize = 1 << 20;
const _: () = assert!(CLUSTER_MESSAGE_BYTES_MAX >= 2 * SETTINGS_BYTES_MAX);

/// What the services of a started node are built from.
pub struct Services<'n> {
    pub config: &'n Config,
    pub started: &'n Started,
    pub metrics: &'n Arc<Metrics>,
    pub gauges: &'n Arc<Gauges>,
    /// Ends all streams.
    pub stop: &'n CancellationToken,
}

impl Services<'_> {
    /// Builds all services. From now on learners and courses are also readable over HTTP.
    pub fn open(
        &self,
        intake: &Intake,
        reads: &Gate<ReadServices<LearnerHandler, CourseHandler>>,
    ) -> Result<Routes, Error> {
        let context = self.read_context();
        let learners = Arc::new(LearnerHandler::new(context.clone()));
        let courses = Arc::new(CourseHandler::new(context));
        reads.open(ReadServices {
            learners: Arc::clone(&learners),
            courses: Arc::clone(&courses),
            cluster_id: self.started.identity.cluster_id.clone(),
        });
        let message_bytes_max = usize::try_from(self.config.ingest.request_bytes_max.as_u64())
            .unwrap_or(usize::MAX)
            .saturating_add(MESSAGE_OVERHEAD_BYTES);
        let ingest = IngestServiceServer::new(self.ingest(intake));
        let dead_letters = DeadLetterHandler::new(
            Arc::clone(&self.started.router),
            intake.clone(),
            self.stop.clone(),
        );
        let cluster = ClusterServiceServer::new(self.cluster());
        Ok(Routes::new(reflection().build_v1()?)
            .add_service(reflection().build_v1alpha()?)
            .add_service(ingest.max_decoding_message_size(message_bytes_max))
            .add_service(LearnerServiceServer::from_arc(learners))
            .add_service(CourseServiceServer::from_arc(courses))
            .add_service(DeadLetterServiceServer::new(dead_letters))
            .add_service(cluster.max_decoding_message_size(CLUSTER_MESSAGE_BYTES_MAX)))
    }

    fn ingest(&self, intake: &Intake) -> IngestHandler {
        let window_bytes = u32::try_from(self.config.ingest.stream_window_bytes.as_u64());
        IngestHandler::new(
            intake.clone(),
            window_bytes.unwrap_or(u32::MAX >> 1),
            self.stop.clone(),
        )
    }

    fn read_context(&self) -> ReadContext {
        ReadContext {
            router: Arc::clone(&self.started.router),
            cluster: self.started.control.states(),
            metrics: Arc::clone(&self.metrics.read),
            pool: QueryPool::new(),
            stop: self.stop.clone(),
        }
    }

    fn cluster(&self) -> ClusterHandler {
        let Started {
            identity,
            control,
            router,
            ..
        } = self.started;
        let who = NodeIdentity {
            node_id: identity.node_id,
            version: env!("CARGO_PKG_VERSION"),
        };
        let gauges = Arc::clone(self.gauges);
        let diagnosis = Diagnosis {
            router: Arc::clone(router),
            control: Arc::clone(control),
            metrics: Arc::clone(self.metrics),
            resources: Arc::new(move || gauges.resources()),
        };
        ClusterHandler::new(who, Arc::clone(control), Arc::clone(router), diagnosis)
    }
}

fn reflection() -> Builder<'static> {
    Builder::configure()
        .register_encoded_file_descriptor_set(homeroom_proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}
