//! Enum fields as their short names.

use serde::Serializer;

use crate::v1;

/// An enum value's name without the prefix of its type, for instance `OPEN` for
/// `WINDOW_STATE_OPEN`.
pub fn short_name<'a>(value: &'a str, prefix: &str) -> &'a str {
    value.strip_prefix(prefix).unwrap_or(value)
}

/// Enum values are below this number; further ones would lack in schemas.
#[cfg(feature = "openapi")]
const NUMBERS_MAX: i32 = 100;

macro_rules! by_name {
    ($($function:ident: $type:ident, $prefix:literal;)*) => {
        $(pub(crate) fn $function<S: Serializer>(value: &i32, to: S) -> Result<S::Ok, S::Error> {
            let known = v1::$type::try_from(*value).unwrap_or_default();
            to.serialize_str(short_name(known.as_str_name(), $prefix))
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for v1::$type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                let known = (0..NUMBERS_MAX).filter_map(|number| v1::$type::try_from(number).ok());
                let names = known.map(|value| short_name(value.as_str_name(), $prefix));
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .enum_values(Some(names))
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for v1::$type {})*
    };
}

by_name! {
    window_state: WindowState, "WINDOW_STATE_";
    learner_status: LearnerStatus, "LEARNER_STATUS_";
    dead_letter_reason: DeadLetterReason, "DEAD_LETTER_REASON_";
    late_policy: LatePolicy, "LATE_POLICY_";
    actor_form: ActorForm, "ACTOR_FORM_";
    severity: Severity, "SEVERITY_";
    event_status: EventStatus, "EVENT_STATUS_";
    replica_role: ReplicaRole, "REPLICA_ROLE_";
}
