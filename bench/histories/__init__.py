"""What histories do for decisions: no skew between training and a seeded service, and what each store costs."""
