CREATE OR REPLACE VIEW {{ name .Database }}.{{ name .View }}{{ .OnCluster }} AS
WITH
    -- The longest tick in the range: how far outside of it windows can matter.
    (
        SELECT toInt64(max(interval_ms)) * 1000 FROM {{ .Samples }}
        WHERE ts >= {from:DateTime64(3, 'UTC')} AND ts < {to:DateTime64(3, 'UTC')}
    ) AS `#reach`,
    -- The windows that can matter, in order of precedence, as arrays. Times are microseconds since 1970.
    (
        SELECT (
            groupArray(toString(id)), groupArray(toString(label)), groupArray(toString(technique)),
            groupArray(toString(scenario)), groupArray(toString(step)), groupArray(toString(run)), groupArray(toString(role)),
            groupArray(begin), groupArray(end), groupArray(rank), groupArray(toString(cluster)), groupArray(toString(node)),
            groupArray(toString(namespace)), groupArray(toString(workload)), groupArray(toString(pod)),
            groupArray(toString(container)), groupArray(pid)
        )
        FROM
        (
            SELECT *, toUnixTimestamp64Micro(t_start) AS begin, toUnixTimestamp64Micro(t_end) AS end,
                toUInt8(indexOf(['benign', 'admin', 'overload', 'attack'], toString(label))) AS rank,
                multiIf(pid != 0, 4, container != '', 3, pod != '' OR workload != '' OR namespace != '', 2, 1) AS level
            FROM {{ .Annotations }}
            WHERE retracts = '' AND id NOT IN (SELECT retracts FROM {{ .Annotations }} WHERE retracts != '')
                AND begin <= toUnixTimestamp64Milli({to:DateTime64(3, 'UTC')}) * 1000 + `#reach`
                AND end >= toUnixTimestamp64Milli({from:DateTime64(3, 'UTC')}) * 1000 - 2 * `#reach`
            ORDER BY rank DESC, level DESC, begin DESC, id
            LIMIT 1 BY id
        )
    ) AS `#truth`,
    -- Who there is. Names do not change, but those of pods may come late: they count for the whole range then.
    `#named` AS
    (
        SELECT {{ .Names }}, groupArray({{ .Member }}) AS members
        FROM
        (
            SELECT entity AS member{{ range .Columns }}, anyIf(s.{{ . }}, s.{{ . }} != '') AS {{ . }}{{ end }}
                {{- if .PID }}, any(s.pid) AS pid{{ end }}
            FROM {{ .Samples }} AS s
            WHERE s.ts >= {from:DateTime64(3, 'UTC')} AND s.ts < {to:DateTime64(3, 'UTC')}
            GROUP BY s.entity
        )
        GROUP BY {{ .Names }}
    ),
    -- Which windows are about whom.
    `#selected` AS
    (
        SELECT member, number, `#truth`.8[number] AS begin, `#truth`.9[number] AS end, `#truth`.10[number] AS rank
        FROM
        (
            SELECT members, number
            FROM `#named`
            ARRAY JOIN arrayEnumerate(`#truth`.1) AS number
            WHERE `#truth`.11[number] IN ('', cluster) AND `#truth`.12[number] IN ('', node)
                {{ .Condition }}
        )
        ARRAY JOIN members AS member
{{- if .PID }}
        WHERE `#truth`.17[number] IN (0, member.2)
{{- end }}
    ),
    -- The same, as a short list for each entity and hour. The list says precedence, begin, end, rank.
    `#lists` AS
    (
        SELECT {{ .Entity }} AS `#entity`, hour AS `#hour`, arraySort(groupArray((number, begin, end, rank))) AS `#list`
        FROM `#selected`
        ARRAY JOIN range(
            intDiv(greatest(begin - `#reach`, toUnixTimestamp64Milli({from:DateTime64(3, 'UTC')}) * 1000), 3600000000),
            intDiv(least(end + 2 * `#reach`, toUnixTimestamp64Milli({to:DateTime64(3, 'UTC')}) * 1000), 3600000000) + 1
        ) AS hour
        GROUP BY `#entity`, `#hour`
    )
SELECT * EXCEPT (`#list`, `#entity`, `#hour`, `#ts`, `#tick`, `#winner`)
    , `#truth`.2[`#winner`] AS label
    , `#truth`.3[`#winner`] AS technique
    , `#truth`.4[`#winner`] AS scenario
    , `#truth`.5[`#winner`] AS step
    , `#truth`.6[`#winner`] AS run
    , `#truth`.7[`#winner`] AS role
    , `#truth`.1[`#winner`] AS annotation
    -- The strongest window that touches the tick or a neighbour of it, against the strongest of which a good part lies in the
    -- tick: half of the window, or as much as covers half of the tick.
    , arrayMax(`#w` -> if(`#w`.2 - `#tick` <= `#ts` AND `#w`.3 > `#ts` - 2 * `#tick`, `#w`.4, 0), `#list`)
        > arrayMax(`#w` -> if(`#w`.2 <= `#ts` AND `#w`.3 > `#ts` - `#tick`
            AND 2 * (least(`#w`.3, `#ts`) - greatest(`#w`.2, `#ts` - `#tick`)) >= least(`#tick`, `#w`.3 - `#w`.2), `#w`.4, 0), `#list`) AS guard
FROM
(
    SELECT *
        , toUnixTimestamp64Milli(ts) * 1000 AS `#ts`
        , toInt64(interval_ms) * 1000 AS `#tick`
        -- Low cardinality: the texts are then looked up once for each window, not for each row.
        , toLowCardinality(arrayFirst(`#w` -> `#w`.2 <= `#ts` AND `#w`.3 > `#ts` - `#tick`, `#list`).1) AS `#winner`
    FROM {{ .Samples }}
    ANY LEFT JOIN `#lists` ON entity = `#entity` AND intDiv(toUnixTimestamp64Milli(ts), 3600000) = `#hour`
    WHERE ts >= {from:DateTime64(3, 'UTC')} AND ts < {to:DateTime64(3, 'UTC')}
)
