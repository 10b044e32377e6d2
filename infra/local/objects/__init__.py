"""What Cloud Storage keeps of a bucket: the objects are the plain files of the bucket's folder, which containers mount;
their generations, metadata and former versions lie beside it, in `objects/BUCKET`.

No HTTP here: `infra/local/apis/storage/` answers the clients, and `services/storage.py` the engine.
"""
