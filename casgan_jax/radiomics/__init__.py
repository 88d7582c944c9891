"""Radiomics features of binary and soft regions, and what classifiers make of them (paper 4.3)."""
