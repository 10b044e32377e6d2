"""The pipeline: which step follows which. It reads like the sentence that describes a backfill."""

import apache_beam as beam
from apache_beam.ml.inference.base import RunInference
from apache_beam.pvalue import AsList, AsSingleton, PCollection

from ml.backfill.beam.job import Job
from ml.backfill.beam.days import ComputeFeatures, WriteDay
from ml.backfill.beam.keyed import Distribute, FindRepeats
from ml.backfill.beam.learning import Learn, MergeCodes, PrepareLessons
from ml.backfill.beam.model import Model, RowsHandler
from ml.backfill.beam.pasts import ComputePasts, FindPairs, MeetCompany
from ml.backfill.beam.reading import CutIntoBlocks, ReadAndMask
from ml.backfill.beam.sums import AddCounts, FindRange
from ml.backfill.beam.usual import ReadCatalogue
from ml.backfill.beam.writing import Finish, Hash, SumUp


def build(pipeline: beam.Pipeline, job: Job) -> None:
    """Add the steps of a backfill to a pipeline."""
    model = Model(job.version) if job.version else None
    files = pipeline | "Order files" >> beam.Create(list(enumerate(job.files, 1)))
    read = (
        files
        | "Cut into blocks" >> beam.ParDo(CutIntoBlocks())
        | "Spread blocks" >> beam.Reshuffle()
        | "Decode, repair, mask" >> beam.ParDo(ReadAndMask(job, model)).with_outputs(ReadAndMask.TALLIES, main="orders")
    )
    allowed = AsSingleton(
        read.orders
        | "Moments" >> beam.Map(lambda piece: piece.columns.numbers["at"])
        | "Range of dates" >> beam.CombineGlobally(FindRange(job))
    )
    keyed = read.orders | "Key by id, customer, entity, day" >> beam.ParDo(Distribute(job)).with_outputs(
        Distribute.IDS, Distribute.PURCHASES, Distribute.SIGHTINGS, main="orders"
    )
    ids = (
        keyed[Distribute.IDS]
        | "Ids together" >> beam.GroupByKey()
        | "Find repeats" >> beam.ParDo(FindRepeats(), allowed).with_outputs(FindRepeats.COUNTS, main="out")
    )
    counts = AsSingleton(ids[FindRepeats.COUNTS] | "Count orders" >> beam.CombineGlobally(AddCounts()))
    met = (
        {"rows": keyed[Distribute.SIGHTINGS], "out": ids.out}
        | "Entities together" >> beam.CoGroupByKey()
        | "Meet company" >> beam.ParDo(MeetCompany(job), counts).with_outputs(MeetCompany.RECORDS, main="company")
    )
    customers = {"rows": keyed[Distribute.PURCHASES], "out": ids.out} | "Customers together" >> beam.CoGroupByKey()
    usual = AsSingleton(
        pipeline | "One catalogue" >> beam.Create([None]) | "Read catalogue" >> beam.ParDo(ReadCatalogue(model))
        if model
        else learnt(pipeline, keyed.orders, ids.out, customers, job)
    )
    pasts = customers | "Remember customers" >> beam.ParDo(ComputePasts(job), counts, usual).with_outputs(
        ComputePasts.RECORDS, main="past"
    )
    rows = (
        {"orders": keyed.orders, "out": ids.out, "past": pasts.past, "company": met.company}
        | "Days together" >> beam.CoGroupByKey()
        | "Compute features" >> beam.ParDo(ComputeFeatures(job, model), usual)
    )
    scored = rows | "Score" >> RunInference(RowsHandler(model)) if model else rows
    days = scored | "Write days" >> beam.ParDo(WriteDay(job, model))
    found = (
        read[ReadAndMask.TALLIES]
        | "Tallies together" >> beam.GroupBy(lambda tally: None)
        | "Sum up" >> beam.ParDo(SumUp(job), allowed, counts)
    )
    records = (
        (met[MeetCompany.RECORDS], pasts[ComputePasts.RECORDS])
        | "Records" >> beam.Flatten()
        | "Count records" >> beam.CombineGlobally(sum)
    )
    _ = (
        pipeline
        | "At the end" >> beam.Create([None])
        | "Seed and manifest"
        >> beam.ParDo(
            Finish(job, model),
            AsSingleton(found),
            counts,
            AsSingleton(records),
            AsList(days),
            AsList(hashes_of(files, job)),
            usual,
        )
    )


def learnt(
    pipeline: beam.Pipeline, orders: PCollection, out: PCollection, customers: PCollection, job: Job
) -> PCollection:
    """What orders are compared with, learnt from themselves."""
    pairs = customers | "Find orders of customers who came back" >> beam.ParDo(FindPairs())
    codes = (
        {"orders": orders, "out": out, "pairs": pairs}
        | "Days to learn from" >> beam.CoGroupByKey()
        | "Prepare lessons" >> beam.ParDo(PrepareLessons(job))
        | "Codes" >> beam.CombineGlobally(MergeCodes())
    )
    return (
        pipeline
        | "In turn" >> beam.Create([None])
        | "Learn what is usual" >> beam.ParDo(Learn(job), AsSingleton(codes))
    )


def hashes_of(files: PCollection, job: Job) -> PCollection:
    """The files' SHA-256, unless the request has them."""
    unread = files if not job.request.inputs else files | "Known hashes" >> beam.Filter(lambda _: False)
    return unread | "Hash files" >> beam.ParDo(Hash())
