//! Finds the skill of a statement where a setting of its source says.

use std::borrow::Cow;

use homeroom_core::SkillFrom;

use super::{
    super::metadata::Metadata,
    metadata::keep_other_skills,
    statement::Statement,
    values::Extensions,
    vocabulary::{is_course, is_of_video_profile},
};

/// The first skill of a statement. Further ones are kept in the metadata, as are those of a
/// context's extension, which all stand there already.
pub(super) fn take<'p>(
    statement: &Statement<'p>,
    from: &SkillFrom,
    metadata: &mut Metadata<'p>,
) -> Option<Cow<'p, str>> {
    let activities = &statement.context.context_activities;
    let mut skills = match from {
        SkillFrom::Grouping => {
            let groupings = activities.grouping.iter();
            let skills = groupings.filter(|activity| !is_course(activity));
            skills.filter_map(|activity| activity.id.filled()).collect()
        }
        SkillFrom::Category => {
            let ids = activities.category.iter();
            let ids = ids.filter_map(|activity| activity.id.filled());
            ids.filter(|id| !is_of_video_profile(id)).collect()
        }
        SkillFrom::DefinitionExtension(iri) => {
            let extensions = statement.object.definition.extensions;
            let extensions: Option<Extensions<'p>> =
                extensions.and_then(|json| serde_json::from_str(json.get()).ok());
            extensions.unwrap_or_default().texts(iri)
        }
        SkillFrom::ContextExtension(iri) => {
            return statement.context.extensions.texts(iri).into_iter().next();
        }
    };
    if skills.len() > 1 {
        keep_other_skills(metadata, &skills[1..]);
        skills.truncate(1);
    }
    skills.pop()
}
