// SPDX-License-Identifier: Apache-2.0

// Prints what the queries in the arguments answer, a JSON array of rows each.
import { DuckDBInstance } from '@duckdb/node-api'

const connection = await (await DuckDBInstance.create(':memory:')).connect()
for (const query of process.argv.slice(2)) {
  const answer = await connection.runAndReadAll(query)
  console.log(JSON.stringify(answer.getRowObjectsJson()))
}
