// Sends statements with @xapi/xapi, unchanged: the first alone, then the others in batches. The
// library has no PUT of statements.
//
//     node xapi.js ENDPOINT SOURCE < statements.json
//
// Prints the ids in the answers as one JSON array.

const XAPI = require("@xapi/xapi").default;

const BATCH = 25;

async function main([endpoint, source], statements) {
  const auth = XAPI.toBasicAuth(source, "secret");
  const xapi = new XAPI({ endpoint, auth, version: "1.0.3", adapter: "axios" });
  const about = await xapi.getAbout();
  if (!about.data.version.includes("1.0.3")) throw new Error(JSON.stringify(about.data));
  const alone = await xapi.sendStatement({ statement: statements[0] });
  const ids = [...alone.data];
  for (let at = 1; at < statements.length; at += BATCH) {
    const batch = statements.slice(at, at + BATCH);
    const answer = await xapi.sendStatements({ statements: batch });
    ids.push(...answer.data);
  }
  return ids;
}

const input = JSON.parse(require("fs").readFileSync(0, "utf8"));
main(process.argv.slice(2), input).then(
  (ids) => console.log(JSON.stringify(ids)),
  (error) => {
    console.error(error, error.response && error.response.data);
    process.exitCode = 1;
  },
);
