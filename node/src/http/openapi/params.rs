//! Parameters that several paths have in common.

use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{OneOfBuilder, RefOr, Required, Schema};

/// How current the answer of a read must be.
pub enum ReadParams {}

/// Which page of an answer.
pub enum PageParams {}

/// Which windows.
pub enum WindowParams {}

/// Which learners of a course.
pub enum RosterParams {}

/// How often a watch answers.
pub enum WatchParams {}

/// The encoding of a body.
pub enum BodyParams {}

/// The version of xAPI.
pub enum XapiParams {}

type In = Option<ParameterIn>;

impl IntoParams for ReadParams {
    fn into_params(_: impl Fn() -> In) -> Vec<Parameter> {
        let consistency = "`linearizable`: sees every write acknowledged before. `session`: at \
            least as new as Homeroom-Position. `bounded`: at most maxStalenessMs old. `any`: as it \
            is. Default: `session` with a position, else `bounded`.";
        let position = "A position from an earlier answer. The answer is at least as new.";
        vec![
            query(
                "consistency",
                words(["linearizable", "session", "bounded", "any"]),
                consistency,
            ),
            query(
                "maxStalenessMs",
                whole(u32::MAX.into()),
                "Of `bounded`, ms. 0 means 1,000.",
            ),
            query(
                "onStale",
                words(["answer", "fail"]),
                "When the bound can't be met: answer all the same (default), or fail with 503.",
            ),
            header("Homeroom-Position", text(), position),
        ]
    }
}

impl IntoParams for PageParams {
    fn into_params(_: impl Fn() -> In) -> Vec<Parameter> {
        let size = "Entries per page. 0 or none means the default, more than the most the most.";
        vec![
            query("pageSize", whole(u32::MAX.into()), size),
            query(
                "pageToken",
                text(),
                "`nextPageToken` of the page before. Opaque.",
            ),
        ]
    }
}

impl IntoParams for WindowParams {
    fn into_params(_: impl Fn() -> In) -> Vec<Parameter> {
        let step = "A multiple of 5,000 ms that divides `sizeMs`. 0 means `sizeMs`.";
        vec![
            query(
                "sizeMs",
                whole(i64::MAX),
                "A multiple of 5,000 ms. 0 means 60,000.",
            ),
            query("stepMs", whole(i64::MAX), step),
            query(
                "from",
                time(),
                "Only windows that start at or after this event time.",
            ),
            query(
                "to",
                time(),
                "Only windows that start before this event time.",
            ),
        ]
    }
}

impl IntoParams for RosterParams {
    fn into_params(_: impl Fn() -> In) -> Vec<Parameter> {
        let needing = "Only learners with a reason for help.";
        vec![query("needingHelpOnly", words(["true", "false"]), needing)]
    }
}

impl IntoParams for WatchParams {
    fn into_params(_: impl Fn() -> In) -> Vec<Parameter> {
        let interval = "Changes within this time are merged, ms. 0 means the default.";
        vec![query("minIntervalMs", whole(u32::MAX.into()), interval)]
    }
}

impl IntoParams for BodyParams {
    fn into_params(_: impl Fn() -> In) -> Vec<Parameter> {
        vec![header(
            "Content-Encoding",
            words(["identity", "gzip"]),
            "Of the body. The bounds on its size hold for both forms.",
        )]
    }
}

impl IntoParams for XapiParams {
    fn into_params(_: impl Fn() -> In) -> Vec<Parameter> {
        vec![header(
            "X-Experience-API-Version",
            pattern(r"^(1\.0|2\.0)(\.[0-9]+)?$"),
            "1.0.x or 2.0.x. Without it 1.0 counts. Each answer has it, errors included.",
        )]
    }
}

fn query(name: &str, schema: impl Into<RefOr<Schema>>, description: &str) -> Parameter {
    parameter(ParameterIn::Query, name, schema.into(), description)
}

fn header(name: &str, schema: impl Into<RefOr<Schema>>, description: &str) -> Parameter {
    parameter(ParameterIn::Header, name, schema.into(), description)
}

fn parameter(at: ParameterIn, name: &str, schema: RefOr<Schema>, description: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(at)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn pattern(pattern: &str) -> ObjectBuilder {
    text().pattern(Some(pattern))
}

fn words<const N: usize>(words: [&str; N]) -> ObjectBuilder {
    text().enum_values(Some(words))
}

/// A whole number from 0.
fn whole(most: i64) -> ObjectBuilder {
    let number = ObjectBuilder::new().schema_type(Type::Integer);
    number.minimum(Some(0)).maximum(Some(most))
}

/// An RFC 3339 time, or ms since the epoch.
fn time() -> OneOfBuilder {
    let rfc_3339 = text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    let ms = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)));
    OneOfBuilder::new().item(rfc_3339).item(ms)
}
