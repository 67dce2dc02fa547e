// Prints the errors and warnings of the parser of AsyncAPI for the document on standard input.
import { readFileSync } from "node:fs";
import parser from "@asyncapi/parser";

const found = await new parser.Parser().validate(readFileSync(0, "utf8"));
const serious = found.filter((each) => each.severity <= 1);
console.log(JSON.stringify(serious.map((each) => `${each.path.join(".")}: ${each.message}`)));
