"""The RAG layer: answers an analyst's questions from the runbooks, the features' meanings and past masked cases,
with citations.

A question is masked, evidence is searched, a provider (RAG_PROVIDER) words the answer, and the guard checks it on
the way out.
"""
