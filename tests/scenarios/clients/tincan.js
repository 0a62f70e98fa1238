// Sends statements with TinCanJS: one alone, which it puts under its id, then the others in batches.
//
//     node tincan.js ENDPOINT SOURCE < statements.json
//
// Prints the ids that were sent and answered as taken, as one JSON array.

const TinCan = require("tincanjs");

const BATCH = 25;

function saved(save, what) {
  return new Promise((resolve, reject) => {
    const callback = (error, xhr) =>
      error === null ? resolve(xhr) : reject(new Error(`${error}: ${xhr && xhr.responseText}`));
    save(what, { callback });
  });
}

async function main([endpoint, source], statements) {
  const lrs = new TinCan.LRS({ endpoint, username: source, password: "secret", version: "1.0.2" });
  // As they are: no time or id of its own.
  const read = statements.map((statement) => new TinCan.Statement(statement, { doStamp: false }));
  await saved(lrs.saveStatement.bind(lrs), read[0]);
  for (let at = 1; at < read.length; at += BATCH) {
    await saved(lrs.saveStatements.bind(lrs), read.slice(at, at + BATCH));
  }
  return read.map((statement) => statement.id);
}

const input = JSON.parse(require("fs").readFileSync(0, "utf8"));
main(process.argv.slice(2), input).then(
  (ids) => console.log(JSON.stringify(ids)),
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
