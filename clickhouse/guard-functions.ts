/**
 * The functions ad-hoc SQL may call: what computes on values. Nothing that reads files, tables by name,
 * dictionaries, the network, settings or the machine, nothing that sleeps, throws or only burns time.
 * Names are compared in lower case, aliases included.
 */
const SCALARS = `
and or not xor if multiif casewithexpression casewithoutexpression greatest least clamp lambda array tuple map cast
_cast accuratecast accuratecastornull accuratecastordefault equals notequals less greater lessorequals greaterorequals
isdistinctfrom isnotdistinctfrom in notin globalin globalnotin nullin notnullin globalnullin globalnotnullin exists
coalesce ifnull nullif isnull isnotnull isnullable iszeroornull assumenotnull tonullable firstnondefault

abs divide divideornull gcd ifnotfinite intdiv intdivornull intdivorzero isfinite isinfinite isnan lcm max2 midpoint
min2 minus modulo mod moduloornull moduloorzero multiply negate plus positivemodulo sqr avg2 acos acosh asin asinh atan
atan2 atanh cbrt cos cosh degrees e erf erfc exp exp10 exp2 hypot intexp10 intexp2 lgamma ln log log10 log1p log2 pi pow
power radians sigmoid sign sin sinh sqrt tan tanh tgamma widthbucket round roundbankers rounddown roundage roundduration
roundtoexp2 floor ceil ceiling trunc truncate bitand bitcount bitnot bitor bitshiftleft bitshiftright bittest bitxor bin
hex unhex char rand rand64 randcanonical randuniform

now now64 today yesterday curdate current_date current_timestamp utctimestamp timezone timezoneof timezoneoffset
servertimezone date timestamp adddate adddays addhours addinterval addmilliseconds addminutes addmonths addquarters
addseconds addweeks addyears subdate subtractdays subtracthours subtractinterval subtractmilliseconds subtractminutes
subtractmonths subtractquarters subtractseconds subtractweeks subtractyears age datediff date_diff timestampdiff
timestamp_diff timediff datename datetrunc date_trunc date_bin time_bucket date_format formatdatetime
formatdatetimeinjodasyntax fromunixtimestamp from_unixtime fromunixtimestamp64micro fromunixtimestamp64milli
fromunixtimestamp64nano fromunixtimestamp64second makedate makedate32 makedatetime makedatetime64 monthname timeslot
timeslots todayofmonth todayofweek todayofyear tohour toisoweek toisoyear tolastdayofmonth tolastdayofweek tomillisecond
tominute tomonday tomonth toquarter torelativedaynum torelativehournum torelativeminutenum torelativemonthnum
torelativesecondnum torelativeweeknum torelativeyearnum tosecond tostartofday tostartoffifteenminutes
tostartoffiveminutes tostartoffiveminute tostartofhour tostartofinterval tostartofmillisecond tostartofminute
tostartofmonth tostartofquarter tostartofsecond tostartoftenminutes tostartofweek tostartofyear totimezone
tounixtimestamp tounixtimestamp64micro tounixtimestamp64milli tounixtimestamp64nano tounixtimestamp64second toweek
toyear toyearweek toyyyymm toyyyymmdd toyyyymmddhhmmss year quarter month week day hour minute second dayofmonth
dayofweek dayofyear last_day tumble tumblestart tumbleend hop hopstart hopend
tointerval tointervalday tointervalhour tointervalmillisecond tointervalminute tointervalmonth tointervalquarter
tointervalsecond tointervalweek tointervalyear

tostring tofixedstring tostringcuttozero tobool todate todate32 todatetime todatetime32 todatetime64 totime
todateornull todateorzero todate32ornull todatetimeornull todatetimeorzero todatetime64ornull todatetime64orzero
todecimal32 todecimal64 todecimal128 todecimal64ornull todecimalstring tofloat32 tofloat64 tofloat32ornull
tofloat32orzero tofloat64ornull tofloat64orzero tofloat64ordefault toint8 toint16 toint32 toint64 toint128 toint256
toint8ornull toint16ornull toint32ornull toint64ornull toint8orzero toint16orzero toint32orzero toint64orzero
toint32ordefault toint64ordefault touint8 touint16 touint32 touint64 touint128 touint256 touint8ornull touint16ornull
touint32ornull touint64ornull touint8orzero touint16orzero touint32orzero touint64orzero touint32ordefault
touint64ordefault touuid touuidornull touuidorzero tolowcardinality totypename tocolumntypename materialize identity
parsedatetime parsedatetimeornull parsedatetimeorzero parsedatetimebesteffort parsedatetimebesteffortornull
parsedatetimebesteffortorzero parsedatetime64besteffort parsedatetime64besteffortornull str_to_date
reinterpretasint64 reinterpretasuint64 reinterpretasstring generateuuidv4 generateuuidv7 uuidv7todatetime

empty notempty length octet_length lengthutf8 char_length character_length lower lcase upper ucase lowerutf8 upperutf8
initcap initcaputf8 reverse reverseutf8 concat concat_ws concatwithseparator concatassumeinjective substring substr mid
substringutf8 substringindex substring_index left leftutf8 right rightutf8 leftpad lpad rightpad rpad leftpadutf8
rightpadutf8 repeat space trim trimleft ltrim trimright rtrim trimboth ascii startswith endswith startswithutf8
endswithutf8 replace replaceall replaceone replaceregexpall replaceregexpone regexp_replace regexpextract
regexp_extract regexp_substr translate translateutf8 format printf tovalidutf8 isvalidutf8 isvalidascii position
positioncaseinsensitive positionutf8 positioncaseinsensitiveutf8 locate instr like notlike ilike notilike match
multimatchany multimatchanyindex multisearchany multisearchanycaseinsensitive multisearchfirstindex
multisearchfirstposition extract extractall extractallgroups extractallgroupshorizontal extractallgroupsvertical
extractgroups countmatches countmatchescaseinsensitive countsubstrings countsubstringscaseinsensitive hastoken
hastokenornull hastokencaseinsensitive hasanytokens hasalltokens hasphrase matchphrase hasanytoken hasalltoken
hassubsequence hassubsequencecaseinsensitive tokens ngrams ngramdistance ngramsearch ngramdistancecaseinsensitive
ngramsearchcaseinsensitive editdistance levenshteindistance editdistanceutf8 levenshteindistanceutf8
damerauLevenshteinDistance jarosimilarity jarowinklersimilarity soundex splitbychar splitbystring splitbyregexp
splitbywhitespace splitbynonalpha alphatokens splitbyalpha arraystringconcat array_to_string base64encode base64decode
trybase64decode base58encode to_base64 from_base64 encodexmlcomponent decodexmlcomponent decodehtmlcomponent
extracttextfromhtml normalizequery normalizedqueryhash stringjaccardindex bar formatreadablesize
formatreadabledecimalsize formatreadablequantity formatreadabletimedelta format_bytes parsereadablesize parsetimedelta
visiblewidth cityhash64 siphash64 siphash128 xxhash32 xxhash64 murmurhash3_64 farmhash64 halfmd5 inthash32 inthash64
javahash md5 sha1 sha224 sha256 sha512

arrayall arrayavg arraycompact arrayconcat arraycount arraycumsum arraycumsumnonnegative arraydifference arraydistinct
arraydotproduct arrayelement arrayelementornull arrayenumerate arrayenumeratedense arrayenumerateuniq arrayexcept
arrayexists arrayfill arrayfilter arrayfirst arrayfirstindex arrayfirstornull arrayflatten flatten arrayfold
arrayintersect arrayjaccardindex arrayjoin unnest arraylast arraylastindex arraylastornull arraymap arraymax arraymin
arraypopback arraypopfront arrayproduct arraypushback arraypushfront arrayremove arrayresize arrayreverse
arrayreversefill arrayreversesort arrayreversesplit arrayrotateleft arrayrotateright arrayshiftleft arrayshiftright
arrayslice arraysort arraypartialsort arraysplit arraysum arrayunion arrayuniq arraywithconstant arrayzip
arraysymmetricdifference countequal has hasall hasany hassubstr indexof range emptyarraystring tupleelement untuple
tuplenames tupleplus tupleminus tuplemultiply tupledivide tupleconcat tupletonamevaluepairs mapkeys mapvalues mapadd
mapsubtract mapcontains mapcontainskey mapcontainsvalue mapcontainskeylike mapextractkeylike mapapply mapfilter mapall
mapexists mapconcat mapupdate mapsort mapreversesort mapfromarrays extractkeyvaluepairs

jsonextract jsonextractarrayraw jsonextractbool jsonextractfloat jsonextractint jsonextractkeys
jsonextractkeysandvalues jsonextractkeysandvaluesraw jsonextractraw jsonextractstring jsonextractuint jsonhas
jsonlength jsontype jsonkey jsonarraylength json_array_length json_exists json_query json_value isvalidjson tojsonstring
simplejsonextractbool simplejsonextractfloat simplejsonextractint simplejsonextractraw simplejsonextractstring
simplejsonextractuint simplejsonhas visitparamextractstring visitparamextractint visitparamhas

domain domainwithoutwww domainrfc fragment path pathfull port protocol querystring topleveldomain netloc
cuttofirstsignificantsubdomain firstsignificantsubdomain cuturlparameter cutquerystring cutfragment cutwww
decodeurlcomponent encodeurlcomponent extracturlparameter extracturlparameternames extracturlparameters urlhierarchy
urlpathhierarchy ipv4numtostring ipv4stringtonum ipv4stringtonumornull ipv6numtostring isipaddressinrange isipv4string
isipv6string toipv4 toipv4ornull toipv6 toipv6ornull ipv4cidrtorange

version uptime currentdatabase rownumberinallblocks rownumberinblock runningdifference finalizeaggregation transform
l1distance l2distance l2norm l2normalize cosinedistance dotproduct seriesdecomposestl seriesoutliersdetecttukey
timeseriesfromgrid minsamplesizeconversion minsamplesizecontinuous proportionsztest lowcardinalitykeys
variantelement varianttype dynamicelement dynamictype interval
`

const AGGREGATES = `
count sum avg min max any anylast any_value first_value last_value any_respect_nulls anylast_respect_nulls anyheavy
argmax argmin max_by min_by avgweighted boundingratio corr corrstable covarpop covarsamp cramersv deltasum
deltasumtimestamp entropy exponentialmovingaverage exponentialtimedecayedavg exponentialtimedecayedcount
exponentialtimedecayedmax exponentialtimedecayedsum grouparray array_agg grouparrayinsertat grouparraylast
grouparraymovingavg grouparraymovingsum grouparraysample grouparraysorted grouparrayintersect groupbitand groupbitor
groupbitxor groupbitmap groupconcat group_concat string_agg groupuniqarray histogram intervallengthsum
kolmogorovsmirnovtest kurtpop kurtsamp largesttrianglethreebuckets lttb mannwhitneyutest maxintersections
maxintersectionsposition maxmap minmap summap meanztest median medianexact mediantdigest medianexactlow medianexacthigh
mediandd mediantiming nonnegativederivative quantile quantilebfloat16 quantiledd quantiledeterministic quantileexact
quantileexactexclusive quantileexacthigh quantileexactinclusive quantileexactlow quantileexactweighted quantilegk
quantileinterpolatedweighted quantiletdigest quantiletdigestweighted quantiletiming quantiletimingweighted quantiles
quantilesbfloat16 quantilesdd quantilesdeterministic quantilesexact quantilesexactexclusive quantilesexacthigh
quantilesexactinclusive quantilesexactlow quantilesexactweighted quantilesgk quantilestdigest quantilestdigestweighted
quantilestiming quantilestimingweighted rankcorr retention sequencecount sequencematch sequencematchevents
simplelinearregression singlevalueornull skewpop skewsamp sparkbar std stddevpop stddev stddev_pop stddev_samp stddevsamp
stddevpopstable stddevsampstable studentttest sumcount sumkahan sumwithoverflow theilsu topk topkweighted approx_top_k
approx_top_count approx_top_sum uniq uniqcombined uniqcombined64 uniqexact uniqhll12 uniqupto var_pop var_samp varpop
varsamp varpopstable varsampstable welchttest windowfunnel timeseriesinstantratetogrid timeseriesratetogrid
row_number rank dense_rank denserank percent_rank percentrank cume_dist ntile nth_value lag laginframe lead leadinframe
`

/** Endings that turn an aggregate into a variant of itself: `sumIf`, `uniqMergeIf`. */
const COMBINATORS = [
  'simplestate',
  'ordefault',
  'mergestate',
  'distinct',
  'foreach',
  'resample',
  'ornull',
  'argmin',
  'argmax',
  'array',
  'merge',
  'state',
  'map',
  'if',
]

const wordsOf = (text: string): string[] => text.toLowerCase().split(/\s+/).filter(Boolean)
const scalars: ReadonlySet<string> = new Set(wordsOf(SCALARS))
const aggregates: ReadonlySet<string> = new Set(wordsOf(AGGREGATES))

/** Table functions that make rows out of nothing. */
const TABLE_FUNCTIONS: ReadonlySet<string> = new Set(['numbers', 'values', 'generateseries'])

/** Whether ad-hoc SQL may call it; any upper or lower case. */
export function isAllowedFunction(name: string): boolean {
  const lower = name.toLowerCase()
  return scalars.has(lower) || isAllowedAggregate(lower)
}

export function isAllowedTableFunction(name: string): boolean {
  return TABLE_FUNCTIONS.has(name.toLowerCase())
}

function isAllowedAggregate(lower: string): boolean {
  if (aggregates.has(lower)) return true
  return COMBINATORS.some((ending) => {
    const base = lower.slice(0, -ending.length)
    return lower.endsWith(ending) && base !== '' && isAllowedAggregate(base)
  })
}
