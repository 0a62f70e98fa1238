//! The commands in a document, with the output that it shows.

/// A step of the document.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// A command after a prompt, and the output shown below it.
    Command {
        /// Its line in the document, for messages.
        line: usize,
        /// The command, with its continued lines.
        command: String,
        /// The output as shown, with `…` for what differs from run to run.
        shown: Vec<String>,
        /// Whether its block is about the real class, whose statements are not part of the project.
        of_real_class: bool,
    },
    /// A program in a block of its own.
    Python(String),
}

/// Names that only blocks about the real class contain: its file, and one of its learners.
const REAL_CLASS: [&str; 2] = ["statements.jsonl.gz", "6f7ce388"];

/// The steps of a Markdown document: its `console` and `python` blocks.
pub fn steps(document: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = document.lines().enumerate();
    while let Some((_, line)) = lines.next() {
        let language = line.strip_prefix("```").unwrap_or_default();
        if line.starts_with("```") {
            let block: Vec<(usize, &str)> = lines
                .by_ref()
                .take_while(|(_, line)| *line != "```")
                .collect();
            match language {
                "console" => steps.extend(commands(&block)),
                "python" => {
                    let lines: Vec<&str> = block.iter().map(|(_, line)| *line).collect();
                    steps.push(Step::Python(lines.join("\n")));
                }
                _ => {}
            }
        }
    }
    steps
}

fn commands(block: &[(usize, &str)]) -> Vec<Step> {
    let mut commands: Vec<Step> = Vec::new();
    let mut continues = false;
    let of_real_class = block
        .iter()
        .any(|(_, line)| REAL_CLASS.iter().any(|name| line.contains(name)));
    for (number, text) in block {
        if let Some(typed) = text.strip_prefix("$ ") {
            commands.push(Step::Command {
                line: number + 1,
                command: typed.to_owned(),
                shown: Vec::new(),
                of_real_class,
            });
        } else if let Some(Step::Command { command, shown, .. }) = commands.last_mut() {
            if continues {
                command.push('\n');
                command.push_str(text);
            } else {
                shown.push((*text).to_owned());
            }
        }
        let open_quote = match commands.last() {
            Some(Step::Command { command, shown, .. }) if shown.is_empty() => {
                command.matches('\'').count() % 2 == 1
            }
            _ => false,
        };
        continues = text.ends_with('\\') || open_quote;
    }
    commands
}

#[test]
fn a_block_is_read_as_it_is_typed() {
    let document =
        "text\n```console\n$ one \\\n  two\nout\n…\n$ three 'a\nb'\n```\n```sh\nno\n```\n";
    let command = |line, command: &str, shown: &[&str]| Step::Command {
        line,
        command: command.to_owned(),
        shown: shown.iter().map(|line| (*line).to_owned()).collect(),
        of_real_class: false,
    };
    assert_eq!(
        steps(document),
        [
            command(3, "one \\\n  two", &["out", "…"]),
            command(7, "three 'a\nb'", &[])
        ]
    );
}
